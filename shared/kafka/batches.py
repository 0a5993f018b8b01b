"""One batch, one transaction: handled with its offsets and dead letters, or not at all."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import dead_letters, offsets
from shared.database import Database, in_short, is_passing, is_unready
from shared.dead_letters import DeadLetter
from shared.errors import UnreadableMessage
from shared.kafka.records import Record, next_offsets
from shared.telemetry import Metrics

log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True)
class Batch:
    """Records to handle on one connection, whose transaction the caller commits.

    What `after_commit` holds is called then: nothing is said that is not first committed.
    """

    connection: AsyncConnection
    records: Sequence[Record]
    letters: list[DeadLetter] = field(default_factory=list)
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    def refuse(self, record: Record, reason: str) -> None:
        """Makes a record that can never work a dead letter; the others go through."""
        self.letters.append(DeadLetter(record, reason))

    def read(self, read: Callable[[Record], T | None]) -> list[T]:
        """What `read` makes of each record; the unreadable are refused, those it answers None for skipped."""
        values = (self._read_one(record, read) for record in self.records)
        return [value for value in values if value is not None]

    def _read_one(self, record: Record, read: Callable[[Record], T | None]) -> T | None:
        try:
            return read(record)
        except UnreadableMessage as error:
            self.refuse(record, str(error))
            return None


Handle = Callable[[Batch], Awaitable[None]]


@dataclass(frozen=True)
class Again:
    """What came of a record that was handled again: why it was refused, or None.

    `say` is to be called once that is committed.
    """

    refusal: str | None
    say: Callable[[], None]


class Batches:
    """Commits batches of records through `handle`, each record once whoever brings it again.

    `committed` is called after each commit.
    """

    def __init__(
        self,
        database: Database,
        handle: Handle,
        *,
        dead_letter_topic: str,
        metrics: Metrics,
        committed: Callable[[], None],
    ) -> None:
        self._database = database
        self._handle = handle
        self._dead_letter_topic = dead_letter_topic
        self._metrics = metrics
        self._committed = committed

    async def commit(self, records: Sequence[Record]) -> None:
        """Commits the records whole, or one by one when one of them makes `handle` fail.

        A record that fails alone becomes a dead letter. Raises only what is no record's fault.
        """
        try:
            await self._commit(records, self._handle)
        except Exception as error:
            if not _may_be_a_records_fault(error):
                raise
            log.error("batch.isolated", records=len(records), exc_info=error)
            for record in records:
                await self._commit_or_refuse(record)

    async def again(self, connection: AsyncConnection, record: Record) -> Again:
        """Handles a record that was refused before, as part of the caller's transaction; no offset moves.

        The consumer of its partition waits meanwhile: what comes of a key is written by one at a time. What
        is written of one that is refused again is undone. Raises only what is no record's fault.
        """
        await offsets.hold(connection, record.place)
        batch = Batch(connection, [record])
        try:
            async with connection.begin_nested() as savepoint:
                await self._handle(batch)
                if batch.letters:
                    await savepoint.rollback()
        except Exception as error:
            if not _may_be_a_records_fault(error):
                raise
            log.error("record.failed-again", topic=record.topic, offset=record.offset, exc_info=error)
            batch.refuse(record, _failed(error))
        if batch.letters:
            return Again(batch.letters[0].reason, _nothing)
        return Again(None, lambda: self._say(batch))

    async def refuse(self, record: Record, reason: str) -> None:
        """Makes a record that is next in its partition a dead letter."""
        await self._commit([record], _refusing(reason))

    async def _commit_or_refuse(self, record: Record) -> None:
        try:
            await self._commit([record], self._handle)
        except Exception as error:
            if not _may_be_a_records_fault(error):
                raise
            await self._commit([record], _refusing(_failed(error)))

    async def _commit(self, records: Sequence[Record], handle: Handle) -> None:
        following = next_offsets(records)
        async with self._database.transaction() as connection:
            stored = await offsets.lock(connection, following)
            batch = Batch(connection, [record for record in records if record.offset >= stored[record.place]])
            if batch.records:
                await handle(batch)
                await dead_letters.add(connection, batch.letters, self._dead_letter_topic)
                await offsets.advance(connection, following)
        self._count(batch)
        self._say(batch)

    def _say(self, batch: Batch) -> None:
        for say in batch.after_commit:
            say()
        self._committed()

    def _count(self, batch: Batch) -> None:
        for record in batch.records:
            self._metrics.records.labels(record.topic).inc()
        for letter in batch.letters:
            topic, partition, offset = letter.record.topic, letter.record.partition, letter.record.offset
            self._metrics.dead_letters.labels(topic).inc()
            log.warning(
                "message.dead-lettered", topic=topic, partition=partition, offset=offset, reason=letter.reason
            )


def _nothing() -> None:
    """There is nothing to say."""


def _failed(error: Exception) -> str:
    return f"handling it failed: {in_short(error)}"


def _may_be_a_records_fault(error: Exception) -> bool:
    return not is_passing(error) and not is_unready(error)


def _refusing(reason: str) -> Handle:
    async def handle(batch: Batch) -> None:
        for record in batch.records:
            batch.refuse(record, reason)

    return handle

"""Putting dead letters back: each runs through its consumer's handler again, in a transaction of its own."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import dead_letter_rows as rows
from shared.database import Database, is_passing, is_unready
from shared.dead_letter_rows import KeptLetter
from shared.errors import Problem, not_found
from shared.kafka.batches import Again
from shared.kafka.consumer import BatchConsumer
from shared.runtime import Service

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one of several: the letter as it is now, or the problem."""

    id: int
    became: KeptLetter | Problem


@dataclass(frozen=True)
class PutBack:
    """Puts letters of a service back through the consumers it has."""

    service: Service
    database: Database

    async def one(self, letter_id: int, by: str) -> KeptLetter:
        """The letter, which is put back now, or was before.

        Raises the problem that keeps it waiting: `dead-letter-cut`, `dead-letter-unread`,
        `dead-letter-refused` (whose reason is the letter's from now on), or what passes: `dead-letter-held`,
        `unavailable`.
        """
        try:
            async with self.database.transaction() as connection:
                letter = await rows.hold(connection, letter_id)
                if letter is None:
                    raise not_found("dead letter")
                if letter.put_back_at is not None:
                    return letter
                _require_whole(letter)
                again = await self._consumer(letter.record.topic).again(connection, letter.record)
                letter = await _settle(connection, letter, again)
        except Exception as error:
            if not is_passing(error) and not is_unready(error):
                raise
            log.warning("dead-letter.postponed", letter=letter_id, exc_info=error)
            raise Problem(503, "unavailable", _PASSING) from error
        again.say()
        _log(letter, by, again)
        if again.refusal is not None:
            raise _refused(letter)
        return letter

    async def many(self, letter_ids: Iterable[int], by: str) -> list[Tried]:
        """What came of each, the oldest first; once the database is away no more are tried."""
        tried: list[Tried] = []
        away: Problem | None = None
        for letter_id in sorted(set(letter_ids)):
            became = away or await self._try(letter_id, by)
            if isinstance(became, Problem) and became.kind == "unavailable":
                away = became
            tried.append(Tried(letter_id, became))
        return tried

    async def _try(self, letter_id: int, by: str) -> KeptLetter | Problem:
        try:
            return await self.one(letter_id, by)
        except Problem as problem:
            return problem

    def _consumer(self, topic: str) -> BatchConsumer:
        """Whose handler takes the topic's messages now; raises the problem if there is none."""
        consumer = next((each for each in self.service.consumers if each.reads(topic)), None)
        if consumer is None:
            raise Problem(409, "dead-letter-unread", f"This service reads no topic {topic!r} any more.")
        if not consumer.may_handle():
            why = "; ".join(self.service.doubted()) or "its consumer may not handle anything now"
            raise Problem(503, "dead-letter-held", f"It can't be put back now: {why}. Try again later.")
        return consumer


def _require_whole(letter: KeptLetter) -> None:
    if not letter.whole:
        kept = len(letter.record.value or b"")
        detail = f"Only the first {kept} of its {letter.size} bytes were kept, so it can't be put back; "
        raise Problem(409, "dead-letter-cut", detail + "let its source send it again.")


_PASSING = "The database is away, or others change the same; it still waits: try again in a few seconds."


async def _settle(connection: AsyncConnection, letter: KeptLetter, again: Again) -> KeptLetter:
    if again.refusal is None:
        return replace(letter, put_back_at=await rows.put_back(connection, letter.id))
    await rows.refuse(connection, letter.id, again.refusal)
    return replace(letter, reason=again.refusal)


def _refused(letter: KeptLetter) -> Problem:
    return Problem(422, "dead-letter-refused", f"It is refused again: {letter.reason}", reason=letter.reason)


def _log(letter: KeptLetter, by: str, again: Again) -> None:
    record = letter.record
    said = {"letter": letter.id, "topic": record.topic, "partition": record.partition, "by": by}
    if again.refusal is None:
        log.info("dead-letter.put-back", offset=record.offset, **said)
    else:
        log.warning("dead-letter.refused-again", offset=record.offset, reason=again.refusal, **said)

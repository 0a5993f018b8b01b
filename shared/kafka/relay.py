"""The outbox's publisher: one active a service, in id order, acknowledged by all before a row goes."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidMessageError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import outbox
from shared.database import Database
from shared.kafka.topics import MAX_MESSAGE_BYTES
from shared.loops import Loop
from shared.outbox import Message, Waiting
from shared.telemetry import Metrics

log = structlog.get_logger()

RELAY_LOCK = 0x0DD0_0002
WINDOW = 1000
SEND_TIMEOUT = 30.0
STANDBY = 1.0  # seconds until a relay that doesn't lead looks again

# What the broker will say of this message however often it is asked.
NEVER = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidMessageError, InvalidTopicError)

# A table that is filled and emptied all day is planned for by the statistics of a moment that is past: its
# dead rows are read whole, by more and more processes. The index on the id is right at any time.
_PLAN = (text("SET enable_seqscan = off"), text("SET max_parallel_workers_per_gather = 0"))
_TRY_LOCK = text(f"SELECT pg_try_advisory_lock({RELAY_LOCK})")


class Relay:
    """Publishes the service's outbox to Kafka; `nudge` it after a commit that added to it.

    The connection that holds the advisory lock also reads and deletes the rows, each statement for itself:
    when it is lost, so is the lock, and another process's relay takes over.
    """

    def __init__(self, database: Database, bootstrap_servers: str, metrics: Metrics) -> None:
        self.loop = Loop("relay", self._step, metrics, idle=0.25)
        self._database = database
        self._bootstrap_servers = bootstrap_servers
        self._metrics = metrics
        self._connection: AsyncConnection | None = None
        self._producer: AIOKafkaProducer | None = None
        self._look_again_at = 0.0
        self._leaving: set[asyncio.Task[None]] = set()

    def nudge(self) -> None:
        self.loop.nudge()

    async def stop(self) -> None:
        """Ends the window at hand and lets go of lock and producer; what waits is the next relay's."""
        await self.loop.stop()
        await self._let_go()
        for task in self._leaving:
            task.cancel()

    async def _step(self) -> bool:
        try:
            connection = await self._leading()
            if connection is None:
                return False
            return await self._publish_window(connection)
        except BaseException:
            await self._let_go()
            raise

    async def _leading(self) -> AsyncConnection | None:
        """The connection that holds the lock, or None while another process's relay does."""
        if self._connection is None and time.monotonic() >= self._look_again_at:
            connection = await self._database.apart()
            if (await connection.execute(_TRY_LOCK)).scalar_one():
                self._connection = connection
                for setting in _PLAN:
                    await connection.execute(setting)
            else:
                await connection.close()
                self._look_again_at = time.monotonic() + STANDBY
        return self._connection

    async def _publish_window(self, connection: AsyncConnection) -> bool:
        rows = await outbox.waiting(connection, WINDOW)
        for one_a_key in rounds(rows):
            if not await self._publish_round(connection, one_a_key):
                return True  # a key was parked: read again, without what waits behind it
        return len(rows) == WINDOW

    async def _publish_round(self, connection: AsyncConnection, rows: list[Waiting]) -> bool:
        """Sends the rows and waits; takes out what the broker has, parks what it will never take.

        Answers whether all were taken.
        """
        producer = await self._producing()
        async with asyncio.timeout(SEND_TIMEOUT):
            outcomes = await _send(producer, rows)
        sent = [row.id for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
        parked = [(row, outcome) for row, outcome in zip(rows, outcomes, strict=True) if outcome is not None]
        await outbox.delete(connection, sent)
        for row, reason in parked:
            await outbox.park(connection, row.id, reason)
        self._metrics.published.inc(len(sent))
        for row, reason in parked:
            log.error("outbox.parked", outbox_id=row.id, topic=row.message.topic, reason=reason)
        return not parked

    async def _producing(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap_servers,
                acks="all",
                enable_idempotence=True,
                max_request_size=MAX_MESSAGE_BYTES,
                max_batch_size=256 * 1024,
                linger_ms=0,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _let_go(self) -> None:
        producer, self._producer = self._producer, None
        connection, self._connection = self._connection, None
        if connection is not None:
            # The lock belongs to the server's session: only ending it gives the lock back.
            await connection.invalidate()
            await connection.close()
        if producer is not None:
            await self._stop_soon(producer)

    async def _stop_soon(self, producer: AIOKafkaProducer) -> None:
        """Closes the producer; a broker that is away must not hold up the relay, so it may end later."""
        task = asyncio.create_task(producer.stop())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        await asyncio.wait([task], timeout=2)


def rounds(rows: Iterable[Waiting]) -> list[list[Waiting]]:
    """The rows in their order, cut so that no round holds two messages of one key on one topic.

    A key's next message is sent only after the one before it was acknowledged.
    """
    cut: list[list[Waiting]] = []
    depth: dict[Any, int] = {}
    for row in rows:
        place = (row.message.topic, row.message.key if row.message.key is not None else row.id)
        depth[place] = depth.get(place, -1) + 1
        if depth[place] == len(cut):
            cut.append([])
        cut[depth[place]].append(row)
    return cut


async def _send(producer: AIOKafkaProducer, rows: list[Waiting]) -> list[str | None]:
    """For each row None once the broker has it, or why it never will; raises what passes by itself."""
    answers: list[asyncio.Future[Any]] = []
    try:
        for row in rows:
            answers.append(await _begin(producer, row.message))
        return [await _refusal(answer) for answer in answers]
    finally:
        for answer in answers:  # after a failure nobody waits for those that are left
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # asked for, or asyncio complains of each


async def _begin(producer: AIOKafkaProducer, message: Message) -> asyncio.Future[Any]:
    """Gives the message to the producer; answers the broker's answer to come."""
    headers = [(name, value.encode()) for name, value in message.headers.items()]
    try:
        answer: asyncio.Future[Any] = await producer.send(
            message.topic, message.value, key=message.key, headers=headers
        )
    except NEVER as error:
        answer = asyncio.get_running_loop().create_future()
        answer.set_exception(error)
    return answer


async def _refusal(answer: asyncio.Future[Any]) -> str | None:
    try:
        await answer
    except NEVER as error:
        return f"{type(error).__name__}: {error}"
    return None

"""Batches in: FastStream polls and supervises, the service's database says where to go on.

The offsets that count are rows written with each batch, so no rebalance, crash or redelivery can
lose a record or handle one twice.
"""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.message import StreamMessage

from shared import offsets
from shared.database import Database, is_passing
from shared.kafka.batches import Batches
from shared.kafka.records import Record, from_aiokafka
from shared.kafka.topics import MAX_MESSAGE_BYTES
from shared.loops import backoff
from shared.offsets import Place

log = structlog.get_logger()

BATCH = 500
GATE_POLL = 0.1


@dataclass(frozen=True)
class Subscription:
    """What a consumer reads: topics by name or by one pattern, in one group."""

    group: str
    topics: tuple[str, ...] = ()
    pattern: str | None = None


def always() -> bool:
    """The gate of a consumer that may handle a batch at any time."""
    return True


class BatchConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads a subscription and commits its batches, each once, while `gate` is open.

    A failure that passes by itself is tried again, for as long as it takes.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        database: Database,
        subscription: Subscription,
        batches: Batches,
        *,
        gate: Callable[[], bool] = always,
    ) -> None:
        self.subscription = subscription
        self.beyond_end: dict[Place, str] = {}
        self.last_progress = time.monotonic()
        self._database = database
        self._batches = batches
        self._gate = gate
        self._subscriber: Any = _subscribe(broker, subscription, self)
        self._subscriber(self._on_batch)

    async def start(self) -> None:
        """Joins the group; raises aiokafka's error if the broker can't be reached."""
        await self._subscriber.start()

    async def stop(self) -> None:
        """Lets the batch at hand end and leaves the group."""
        await self._subscriber.stop()

    async def lag(self) -> dict[Place, int]:
        """For each partition this consumer is assigned, the records that are not handled yet."""
        consumer = self._subscriber.consumer
        assigned = list(consumer.assignment()) if consumer is not None else []
        if not assigned:
            return {}
        ends = _by_place(await consumer.end_offsets(assigned))
        stored = await self._stored(assigned)
        return {place: end - stored.get(place, 0) for place, end in ends.items()}

    async def ends(self, topic: str) -> dict[Place, int]:
        """The end offset of every partition of a topic, whoever is assigned it; none while it isn't known."""
        consumer = self._subscriber.consumer
        numbers = consumer.partitions_for_topic(topic) if consumer is not None else None
        if not numbers:
            return {}
        return _by_place(await consumer.end_offsets([TopicPartition(topic, number) for number in numbers]))

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing waits: whoever reads these partitions next is held by the rows of their offsets."""
        for tp in revoked:
            self.beyond_end.pop(_place(tp), None)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Moves to the database's offsets, or to the earliest; tried again until the database answers."""
        failures = 0
        while assigned:
            try:
                await self._seek(sorted(assigned))
                return
            except Exception as error:
                failures += 1
                log.warning("consumer.seek-failed", group=self.subscription.group, exc_info=error)
                await asyncio.sleep(backoff(failures))

    async def _seek(self, assigned: list[TopicPartition]) -> None:
        consumer = self._subscriber.consumer
        stored = await self._stored(assigned)
        first = await consumer.beginning_offsets(assigned)
        ends = await consumer.end_offsets(assigned)
        for tp in assigned:
            target = max(stored.get(_place(tp), 0), first[tp])
            if target > ends[tp]:
                self._refuse_partition(tp, target, ends[tp])
            else:
                consumer.seek(tp, target)

    async def _stored(self, assigned: list[TopicPartition]) -> dict[Place, int]:
        async with self._database.transaction() as connection:
            return await offsets.read(connection, [_place(tp) for tp in assigned])

    def _refuse_partition(self, tp: TopicPartition, stored: int, end: int) -> None:
        """Reads nothing of a partition whose past is not the one the database knows."""
        self._subscriber.consumer.pause(tp)
        reason = (
            f"{tp.topic}/{tp.partition}: the database stands at {stored}, beyond the topic's end {end}; "
            "the topic was made anew, or the database belongs to another broker"
        )
        self.beyond_end[_place(tp)] = reason
        log.error("consumer.beyond-end", reason=reason)

    async def _on_batch(self, records: list[Record]) -> None:
        failures = 0
        while True:
            await self._gate_open()
            try:
                await self._batches.commit(records)
                return
            except Exception as error:
                failures += 1
                log.warning(
                    "batch.postponed", group=self.subscription.group, failures=failures, exc_info=error
                )
                await asyncio.sleep(backoff(failures))
                if not is_passing(error):
                    raise

    async def _gate_open(self) -> None:
        self.last_progress = time.monotonic()
        while not self._gate():
            await asyncio.sleep(GATE_POLL)
            self.last_progress = time.monotonic()


def kafka_broker(bootstrap_servers: str, client_id: str, drain_timeout: float) -> KafkaBroker:
    """FastStream's broker for a service's consumers; it makes no topics and validates nothing itself."""
    return KafkaBroker(
        bootstrap_servers.split(","),
        client_id=client_id,
        graceful_timeout=drain_timeout,
        metadata_max_age_ms=30_000,
        allow_auto_create_topics=False,
        apply_types=False,
        logger=logging.getLogger("faststream"),
    )


def _subscribe(broker: KafkaBroker, subscription: Subscription, listener: BatchConsumer) -> Any:
    return broker.subscriber(
        *subscription.topics,
        pattern=subscription.pattern,
        group_id=subscription.group,
        batch=True,
        max_records=BATCH,
        batch_timeout_ms=20,
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        listener=listener,
        parser=_parse,
        decoder=_decode,
        no_reply=True,
    )


async def _parse(raw: tuple[Any, ...], original: Any) -> Any:
    """FastStream's message of a batch; its parser sees no headers: one not in UTF-8 would lose the batch."""
    message = await original(tuple(dataclasses.replace(record, headers=()) for record in raw))
    message.raw_message = raw
    return message


async def _decode(message: StreamMessage[Any]) -> list[Record]:
    return [from_aiokafka(record) for record in message.raw_message]


def _place(tp: TopicPartition) -> Place:
    return tp.topic, tp.partition


def _by_place(values: dict[TopicPartition, int]) -> dict[Place, int]:
    return {_place(tp): value for tp, value in values.items()}

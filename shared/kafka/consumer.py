"""Batches in: FastStream polls and supervises, the service's database says where to go on.

The offsets that count are rows written with each batch, so no rebalance, crash or redelivery can
lose a record or handle one twice. What Kafka is told of them is only for its picture of the lag.
"""

import asyncio
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CorruptRecordException, IllegalStateError, KafkaError
from faststream.kafka import KafkaBroker
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import offsets
from shared.database import Database
from shared.kafka.batches import Again, Batches
from shared.kafka.membership import Membership
from shared.kafka.records import Record, next_offsets
from shared.kafka.subscription import BATCH, Subscription, subscribe
from shared.kafka.unread import unread
from shared.loops import backoff
from shared.offsets import Place

log = structlog.get_logger()

GATE_POLL = 0.1


def always() -> bool:
    """The gate of a consumer that may handle a batch at any time."""
    return True


class BatchConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Reads a subscription and commits its batches, each once, while `gate` is open.

    A batch that can't be committed now is tried again, for as long as it takes.
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
        self.seeking = False
        self.closing = False
        self._database = database
        self._batches = batches
        self._gate = gate
        self._positioned: set[Place] = set()
        self._membership = Membership(subscription.group, subscription.instance)
        self._subscriber: Any = subscribe(broker, subscription, self)
        self._subscriber(self._on_batch)
        self._poll = self._subscriber.get_msg
        self._subscriber.get_msg = self._polled

    def reads(self, topic: str) -> bool:
        """Whether this topic is one of those subscribed to, by name or by pattern."""
        pattern = self.subscription.pattern
        return topic in self.subscription.topics or (pattern is not None and bool(re.match(pattern, topic)))

    def may_handle(self) -> bool:
        """Whether the gate is open now."""
        return self._gate()

    async def again(self, connection: AsyncConnection, record: Record) -> Again:
        """Hands a dead letter's record to the handler again, as `Batches.again` does."""
        return await self._batches.again(connection, record)

    async def lag(self) -> dict[Place, int]:
        """For each partition this consumer is assigned, the records that are not handled yet.

        A topic that ends before the database stands was made anew meanwhile: nothing more is read of it.
        """
        consumer = self._subscriber.consumer
        assigned = [
            tp for tp in (consumer.assignment() if consumer else ()) if _place(tp) in self._positioned
        ]
        if not assigned:
            return {}
        # The rows first: they only grow, so that one beyond the end seen after it really is.
        stored = await self._stored(assigned)
        ends = await consumer.end_offsets(assigned)
        for tp in assigned:
            if stored.get(_place(tp), 0) > ends[tp]:
                self._refuse_partition(tp, stored[_place(tp)], ends[tp])
        return {_place(tp): await self._behind(tp, stored.get(_place(tp), 0), ends[tp]) for tp in assigned}

    async def ends(self, topic: str) -> dict[Place, int]:
        """The end offset of every partition of a topic, whoever is assigned it; none while it isn't known."""
        consumer = self._subscriber.consumer
        numbers = consumer.partitions_for_topic(topic) if consumer is not None else None
        if not numbers:
            return {}
        ends = await consumer.end_offsets([TopicPartition(topic, number) for number in numbers])
        return {_place(tp): end for tp, end in ends.items()}

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing waits: whoever reads these partitions next is held by the rows of their offsets."""
        for tp in revoked:
            self._positioned.discard(_place(tp))
            self.beyond_end.pop(_place(tp), None)
        await self._membership.leave_to_successor(self._subscriber.consumer)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Moves to the database's offsets, or to the earliest; tried again until the database answers."""
        self._membership.joined(self._subscriber.consumer)
        self._positioned -= {_place(tp) for tp in assigned}
        self.seeking = bool(assigned)
        failures = 0
        while assigned and self._still_has(assigned):
            try:
                await self._seek(sorted(assigned))
                break
            except Exception as error:
                failures += 1
                log.warning("consumer.seek-failed", group=self.subscription.group, exc_info=error)
                await asyncio.sleep(backoff(failures))
        else:
            return  # the next assignment seeks, or there is none
        self.seeking = False

    def _still_has(self, assigned: set[TopicPartition]) -> bool:
        """Whether the assignment is this one still: a new topic, say, makes aiokafka drop it at any time."""
        consumer = self._subscriber.consumer
        return not self.closing and consumer is not None and assigned <= consumer.assignment()

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
                self._positioned.add(_place(tp))

    async def _stored(self, assigned: list[TopicPartition]) -> dict[Place, int]:
        async with self._database.transaction() as connection:
            return await offsets.read(connection, [_place(tp) for tp in assigned])

    async def _behind(self, tp: TopicPartition, stored: int, end: int) -> int:
        """Offsets at the end may hold no record (transactions' markers): then the position is past them."""
        return max(0, end - max(stored, await self._position(tp)))

    async def _position(self, tp: TopicPartition) -> int:
        """Where this consumer reads next; -1 for a partition it isn't assigned any more."""
        try:
            return int(await self._subscriber.consumer.position(tp))
        except IllegalStateError:
            return -1

    def _refuse_partition(self, tp: TopicPartition, stored: int, end: int) -> None:
        """Reads nothing of a partition whose past is not the one the database knows."""
        self._positioned.discard(_place(tp))
        self._subscriber.consumer.pause(tp)
        reason = (
            f"{tp.topic}/{tp.partition}: the database stands at {stored}, beyond the topic's end {end}; "
            "the topic was made anew, or the database belongs to another broker"
        )
        self.beyond_end[_place(tp)] = reason
        log.error("consumer.beyond-end", reason=reason)

    async def _polled(self, consumer: AIOKafkaConsumer) -> tuple[Any, ...]:
        """What FastStream polls; a record that aiokafka can't read becomes a dead letter without its bytes.

        Where it fails, aiokafka loses what it had polled of other partitions: everything is read again, one
        record at a time, until the failure is at the only record that is polled.
        """
        try:
            return tuple(await self._poll(consumer))
        except CorruptRecordException:
            await self._seek(sorted(consumer.assignment()))
            raise
        except KafkaError:
            await self._membership.leave_to_successor(consumer)
            raise
        except UnicodeDecodeError as error:
            if self._subscriber.max_records == 1:
                await self._refuse_unread(consumer, f"a header's name is not UTF-8: {error}")
                self._subscriber.max_records = BATCH
            else:
                await self._seek(sorted(consumer.assignment()))
                self._subscriber.max_records = 1
            return ()

    async def _refuse_unread(self, consumer: AIOKafkaConsumer, reason: str) -> None:
        for tp, offset in unread(consumer):
            record = Record(tp.topic, tp.partition, offset, None, None, {}, datetime.now(UTC))
            await self._batches.refuse(record, reason)
            consumer.seek(tp, offset + 1)

    async def _on_batch(self, polled: list[Record]) -> None:
        failures = 0
        while True:
            await self._gate_open()
            try:
                if records := await self._read_since_seek(polled):
                    await self._batches.commit(records)
                return
            except Exception as error:
                failures += 1
                log.warning(
                    "batch.postponed", group=self.subscription.group, failures=failures, exc_info=error
                )
                await asyncio.sleep(backoff(failures))

    async def _read_since_seek(self, polled: list[Record]) -> list[Record]:
        """The records that were read from where the database stands.

        After an assignment aiokafka reads from the offsets Kafka was told, until the seek; those records
        come again from the seek on, and handling them now would skip what lies between. A seek since
        the records were polled shows in a position that is not past them.
        """
        following = next_offsets(polled)
        current = {
            place
            for place, offset in following.items()
            if place in self._positioned and await self._position(TopicPartition(*place)) >= offset
        }
        return [record for record in polled if record.place in current]

    async def _gate_open(self) -> None:
        self.last_progress = time.monotonic()
        while not self._gate():
            await asyncio.sleep(GATE_POLL)
            self.last_progress = time.monotonic()


def _place(tp: TopicPartition) -> Place:
    return tp.topic, tp.partition

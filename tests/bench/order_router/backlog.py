"""A backlog of orders: published while nobody reads it, and where it lies on its topic."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from tests.bench.order_router.growth import Topic
from tests.bench.order_router.orders import Event


@dataclass(frozen=True)
class Backlog:
    """What lies on a topic between two offsets of each partition."""

    topic: str
    first: Sequence[int]
    end: Sequence[int]

    @property
    def size(self) -> int:
        return sum(self.end) - sum(self.first)


class Publisher:
    """Publishes events."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def fill(self, topic: Topic, events: Sequence[Event]) -> Backlog:
        """Puts the events on a topic, spread over its partitions by their keys."""
        first = await topic.ends()
        for event in events:
            await self._producer.send(topic.name, event.value, key=event.key)
        await self._producer.flush()
        return Backlog(topic.name, first, await topic.ends())


@asynccontextmanager
async def publisher(bootstrap_servers: str) -> AsyncIterator[Publisher]:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers, acks="all", linger_ms=5, max_batch_size=256 * 1024
    )
    await producer.start()
    try:
        yield Publisher(producer)
    finally:
        await producer.stop()

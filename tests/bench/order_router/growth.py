"""How fast a topic grows: from its first growth to its last, so that no start-up is counted."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.bench.errors import BenchError

LOOK = 0.02  # seconds between two looks
PATIENCE = 30.0  # seconds without growth


@dataclass(frozen=True)
class Seen:
    """What a topic held (messages) at a time (seconds of a monotonic clock)."""

    at: float
    held: int


def speed(seen: Sequence[Seen]) -> float:
    """Messages/s between the first look that saw growth and the first that saw the last of it."""
    grown = [each for each in seen if each.held > seen[0].held]
    if not grown or grown[0].held == grown[-1].held:
        raise BenchError("A topic grew too fast to be measured: let it grow by more.")
    first, last = grown[0], next(each for each in grown if each.held == grown[-1].held)
    return (last.held - first.held) / (last.at - first.at)


class Topic:
    """A topic without transactions, whose offsets therefore count its messages."""

    def __init__(self, consumer: AIOKafkaConsumer, name: str, partitions: int) -> None:
        self.name = name
        self._consumer = consumer
        self._partitions = [TopicPartition(name, number) for number in range(partitions)]

    async def ends(self) -> list[int]:
        """The end offset of each partition."""
        ends = await self._consumer.end_offsets(self._partitions)
        return [ends[tp] for tp in self._partitions]

    async def held(self) -> int:
        return sum(await self.ends())

    async def grow(self, held: int, by: int, look: Callable[[], object] = lambda: None) -> list[Seen]:
        """What is seen until the topic, which `held` so much, has grown; `look` is called each time."""
        seen = [Seen(time.monotonic(), held)]
        grown_at = seen[0].at
        while seen[-1].held < held + by:
            await asyncio.sleep(LOOK)
            look()
            seen.append(Seen(time.monotonic(), await self.held()))
            grown_at = seen[-1].at if seen[-1].held > seen[-2].held else grown_at
            if seen[-1].at - grown_at > PATIENCE:
                missing = held + by - seen[-1].held
                raise BenchError(f"{self.name} doesn't grow any more, and {missing} of {by} are missing.")
        return seen


@asynccontextmanager
async def topics(bootstrap_servers: str, *names: str) -> AsyncIterator[list[Topic]]:
    """The topics of these names, over one connection."""
    consumer = AIOKafkaConsumer(*names, bootstrap_servers=bootstrap_servers)
    await consumer.start()
    try:
        yield [Topic(consumer, name, len(consumer.partitions_for_topic(name))) for name in names]
    finally:
        await consumer.stop()

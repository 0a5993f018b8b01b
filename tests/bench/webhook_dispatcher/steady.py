"""Events that come at a steady pace, as they do all day."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from tests.bench.webhook_dispatcher.events import event
from tests.bench.webhook_dispatcher.targets import Target

TICK = 0.005  # seconds


@dataclass(frozen=True)
class Pace:
    """So many events a second, for so many seconds."""

    speed: float
    seconds: float

    @property
    def count(self) -> int:
        return int(self.speed * self.seconds)

    def due(self, passed: float) -> int:
        """How many are to be told when so many seconds have passed."""
        return min(self.count, int(self.speed * passed))


class Teller:
    """Publishes each event at its time."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def tell(self, targets: Sequence[Target], place: str, pace: Pace) -> None:
        """Events for the targets in turns; those of different places have different orders."""
        began, told = time.monotonic(), 0
        while told < pace.count:
            for number in range(told, pace.due(time.monotonic() - began)):
                made = event(targets[number % len(targets)], f"{place}-{number}")
                await self._producer.send(self._topic, made.value, key=made.key)
                told += 1
            await asyncio.sleep(TICK)
        await self._producer.flush()


@asynccontextmanager
async def teller(bootstrap_servers: str, topic: str) -> AsyncIterator[Teller]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all")
    await producer.start()
    try:
        yield Teller(producer, topic)
    finally:
        await producer.stop()

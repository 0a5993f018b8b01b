"""A dispatcher with the endpoints that it sends to: how fast it empties its queue, and what it costs."""

import time
from dataclasses import dataclass

import asyncpg

from tests.bench.order_router.backlog import Publisher
from tests.bench.order_router.growth import Topic
from tests.bench.webhook_dispatcher import waiting
from tests.bench.webhook_dispatcher.arrivals import Arrivals, Arrived
from tests.bench.webhook_dispatcher.dispatcher import Dispatcher
from tests.bench.webhook_dispatcher.events import events
from tests.bench.webhook_dispatcher.targets import Target
from tests.bench.webhook_dispatcher.waiting import Wanted
from tests.harness import until


@dataclass(frozen=True)
class Work:
    """Webhooks/s until all were in the log, and the CPU seconds of each, all processes counted."""

    speed: float
    cpu: float


@dataclass(frozen=True)
class Place:
    """The dispatcher runs; `database` is a connection to its database."""

    dispatcher: Dispatcher
    arrivals: Arrivals
    targets: list[Target]
    database: asyncpg.Connection

    async def drain(self, name: str, count: int, failures: int = 0) -> float:
        """How fast so many that wait for the targets are delivered, a second."""
        await self.arrivals.forget()
        wanted = Wanted(self.targets, name, count, failures)
        await waiting.fill(self.dispatcher.database_url, wanted)
        return await self._speed_of(count)

    async def work(self, publisher: Publisher, topic: Topic, name: str, count: int) -> Work:
        """Lets the dispatcher deliver so many events, which came while it was suspended."""
        before = self.dispatcher.cpu_of_all()
        await self.publish(publisher, topic, name, count)
        self.dispatcher.resume()
        speed = await self._speed_of(count)
        return Work(speed, (self.dispatcher.cpu_of_all() - before) / count)

    async def publish(self, publisher: Publisher, topic: Topic, name: str, count: int) -> None:
        """Suspends the dispatcher and publishes so many events for the targets."""
        await self.arrivals.forget()
        told = events(self.targets, name, count)
        self.dispatcher.suspend()
        await publisher.fill(topic, told)

    async def delivered(self, count: int) -> Arrived:
        """What arrived once so many did and all are in the log."""
        arrived = await self.arrivals.wait(count, self.dispatcher.look)
        await until("every delivery is in the log", lambda: waiting.none_left(self.database))
        return arrived

    async def _speed_of(self, count: int) -> float:
        """Deliveries/s from the first that arrives to the last that is in the log."""
        arrived = await self.delivered(count)
        return count / (time.time() - arrived.first)

"""Orders routed and published, against a bare loop that moves the same batches."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import asyncpg

from shared.kafka.topics import ASSIGNMENTS
from tests.bench.aims import Aim, Measure
from tests.bench.order_router import bare, orders
from tests.bench.order_router.backlog import Backlog, publisher
from tests.bench.order_router.growth import Topic, speed, topics
from tests.bench.order_router.router import Router
from tests.bench.stage import Servers
from tests.bench.worker import Worker, worker

AIM = Aim("at least", 0.6)
ORDERS, ROUNDS = 10_000, 5
PLACE = "bare"


@dataclass(frozen=True)
class BareLoop:
    """The bare loop's process, with its database and the topic it produces to."""

    process: Worker
    servers: Servers
    database_url: str
    to: Topic

    async def speed(self, backlog: Backlog) -> float:
        """Orders/s."""
        job = {
            "bootstrap_servers": self.servers.bootstrap_servers,
            "database_url": self.database_url,
            "topic": backlog.topic,
            "first": backlog.first,
            "end": backlog.end,
            "to": self.to.name,
        }
        held = await self.to.held()
        working = asyncio.create_task(self.process.do(job))
        seen = await self.to.grow(held, backlog.size)
        await working
        return speed(seen)


async def measure(servers: Servers, router: Router, shops: Sequence[str]) -> Measure:
    """Orders/s of both, each alone in its turn; what either does first, only warms it."""
    database_url = await _make_bare_place(servers)
    names = (router.orders, router.assignments, f"{PLACE}.{ASSIGNMENTS}")
    with ExitStack() as stack:
        router.start(stack)
        async with (
            worker(bare.__name__) as process,
            publisher(servers.bootstrap_servers) as publishing,
            topics(servers.bootstrap_servers, *names) as (waiting, ours, others),
        ):
            loop, rounds = BareLoop(process, servers, database_url, others), []
            for number in range(ROUNDS + 1):
                events = orders.events(shops, number * ORDERS, ORDERS)
                router.suspend()
                backlog = await publishing.fill(waiting, events)
                rounds.append(await _round(router, ours, loop, backlog, bool(number % 2)))
    return Measure("orders routed and published", "a bare loop that moves them", "orders/s", rounds[1:], AIM)


async def _round(
    router: Router, ours: Topic, loop: BareLoop, backlog: Backlog, ours_first: bool
) -> tuple[float, float]:
    """The router is suspended while the loop works."""
    if ours_first:
        work = await router.work(ours, backlog)
        router.suspend()
        return work.speed, await loop.speed(backlog)
    other = await loop.speed(backlog)
    return (await router.work(ours, backlog)).speed, other


async def _make_bare_place(servers: Servers) -> str:
    """Topics and a database for the bare loop; answers the database's URL."""
    servers.make_topics(f"{PLACE}.")
    url = servers.make_database(PLACE)
    connection = await asyncpg.connect(url)
    await connection.execute(bare.TABLE)
    await connection.close()
    return url

"""What one order costs with many links, and with many orders stored, against few of them."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tests.bench.aims import Aim, Measure
from tests.bench.order_router import orders
from tests.bench.order_router.backlog import Publisher, publisher
from tests.bench.order_router.growth import Topic, topics
from tests.bench.order_router.orders import Event
from tests.bench.order_router.router import Router, Work
from tests.bench.stage import Servers

ORDERS, ROUNDS = 3000, 13


@dataclass(frozen=True)
class Side:
    """A router with the topics it reads and writes."""

    router: Router
    orders: Topic
    assignments: Topic

    async def work(self, publishing: Publisher, events: Sequence[Event]) -> Work:
        """Lets the router do the events, which came while it was suspended."""
        self.router.suspend()
        backlog = await publishing.fill(self.orders, events)
        return await self.router.work(self.assignments, backlog)


async def measure(
    servers: Servers, routers: Sequence[Router], shops: Sequence[str], words: Sequence[str], aim: Aim
) -> list[Measure]:
    """The time and the CPU of an order at two routers that get the same orders of these shops in turns.

    The first router has much, the second little: `words` say what. What both do first, only warms them.
    """
    with ExitStack() as stack:
        for router in routers:
            router.start(stack)
        names = [name for router in routers for name in (router.orders, router.assignments)]
        async with (
            publisher(servers.bootstrap_servers) as publishing,
            topics(servers.bootstrap_servers, *names) as found,
        ):
            sides = Side(routers[0], *found[:2]), Side(routers[1], *found[2:])
            events = [orders.events(shops, number * ORDERS, ORDERS) for number in range(ROUNDS + 1)]
            rounds = [await _round(publishing, sides, each, place) for place, each in enumerate(events)]
    return _measures(words, aim, rounds[1:])


async def _round(
    publishing: Publisher, sides: tuple[Side, Side], events: Sequence[Event], place: int
) -> tuple[Work, Work]:
    """Who comes first in one round comes second in the next."""
    many, few = sides
    if place % 2:
        work = await many.work(publishing, events)
        return work, await few.work(publishing, events)
    other = await few.work(publishing, events)
    return await many.work(publishing, events), other


def _measures(words: Sequence[str], aim: Aim, rounds: Sequence[tuple[Work, Work]]) -> list[Measure]:
    times = [(1e6 / many.speed, 1e6 / few.speed) for many, few in rounds]
    cpus = [(many.cpu * 1e6, few.cpu * 1e6) for many, few in rounds]
    return [
        Measure(f"an order with {words[0]}: {what}", words[1], "µs", figures, aim)
        for what, figures in (("time", times), ("CPU, database included", cpus))
    ]

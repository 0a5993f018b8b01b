"""The measures of the webhook-dispatcher: each starts processes of its own and stops them."""

from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack

import asyncpg

from deploy.local.jars import Say
from tests.bench.aims import Aim, Measure
from tests.bench.order_router.backlog import publisher
from tests.bench.order_router.growth import topics
from tests.bench.stage import Servers
from tests.bench.webhook_dispatcher import (
    assigned,
    bare,
    dead,
    draining,
    healthy,
    quiet,
    targets,
    writes,
)
from tests.bench.webhook_dispatcher.arrivals import Arrivals, arrivals
from tests.bench.webhook_dispatcher.dispatcher import Dispatcher
from tests.bench.webhook_dispatcher.draining import BareLoop
from tests.bench.webhook_dispatcher.place import Place
from tests.bench.webhook_dispatcher.receiver import COUNTED
from tests.bench.webhook_dispatcher.steady import teller
from tests.bench.worker import worker

ENDPOINTS = 100
MOST_MEMORY, MEMORY_AIM = 200, Aim("at most", 1)  # MiB


async def bench(servers: Servers, say: Say, long: bool) -> list[Measure]:
    """All of them; `long` lets more wait, and takes more rounds."""
    async with arrivals() as receiving:
        one, dispatcher = await _one(servers, receiving, say, long)
        say("Delivering beside very many that wait for a dead endpoint …")
        beside_dead, laden = await dead.measure(servers, receiving, long)
        return [*one, beside_dead, _memory([dispatcher, laden])]


async def _one(
    servers: Servers, receiving: Arrivals, say: Say, long: bool
) -> tuple[list[Measure], Dispatcher]:
    """The measures of one dispatcher, and it."""
    async with AsyncExitStack() as stack:
        place = await _place(servers, receiving, stack)
        bootstrap, topic = servers.bootstrap_servers, place.dispatcher.assignments
        publishing = await stack.enter_async_context(publisher(bootstrap))
        (incoming,) = await stack.enter_async_context(topics(bootstrap, topic))
        telling = await stack.enter_async_context(teller(bootstrap, topic))
        loop = BareLoop(await stack.enter_async_context(worker(bare.__name__)), place)
        with ExitStack() as running:
            place.dispatcher.start(running)
            say("Sending what waits …")
            drained = await draining.measure(place, loop, long)
            say("Delivering assignments …")
            from_assignments = await assigned.measure(place, loop, publishing, incoming)
            say("Delivering few assignments, and none …")
            few = await quiet.measure(place, telling, from_assignments[0].ours)
            say("Delivering beside endpoints that hang, drip, flood and reset …")
            beside_faulty = await healthy.measure(place, telling, long)
        say("Counting statements and rows …")
        counted = await writes.measure(servers, place, publishing, incoming)
    return [*drained, *from_assignments, *counted, *few, *beside_faulty], place.dispatcher


async def _place(servers: Servers, receiving: Arrivals, stack: AsyncExitStack) -> Place:
    """A dispatcher, not started, with its endpoints."""
    dispatcher = Dispatcher(servers, "one")
    made = targets.make("one", receiving.ports, [COUNTED] * ENDPOINTS)
    await targets.store(dispatcher.database_url, dispatcher.keys, made)
    connection = await asyncpg.connect(dispatcher.database_url)
    stack.push_async_callback(connection.close)
    return Place(dispatcher, receiving, made, connection)


def _memory(dispatchers: Sequence[Dispatcher]) -> Measure:
    """The most that any of the processes was seen to hold; nothing is measured beside it."""
    most = max(dispatcher.peak for dispatcher in dispatchers) / 2**20
    return Measure("memory, at its highest", f"{MOST_MEMORY} MiB", "MiB", [(most, MOST_MEMORY)], MEMORY_AIM)

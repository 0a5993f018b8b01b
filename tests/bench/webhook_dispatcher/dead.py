"""What the others notice of very many deliveries that wait for one dead endpoint."""

from contextlib import ExitStack
from typing import NamedTuple

import asyncpg

from tests.bench.aims import Aim, Measure
from tests.bench.stage import Servers
from tests.bench.webhook_dispatcher import targets, waiting
from tests.bench.webhook_dispatcher.arrivals import Arrivals
from tests.bench.webhook_dispatcher.dispatcher import Dispatcher
from tests.bench.webhook_dispatcher.receiver import COUNTED
from tests.bench.webhook_dispatcher.targets import Target
from tests.bench.webhook_dispatcher.waiting import Wanted

AIM = Aim("at least", 0.9)
ENDPOINTS, COUNT, ROUNDS = 1000, 10_000, 4
WAITING, WAITING_LONG = 200_000, 1_000_000


class Side(NamedTuple):
    """A dispatcher with what it sends to."""

    dispatcher: Dispatcher
    targets: list[Target]


async def measure(servers: Servers, arrivals: Arrivals, long: bool) -> tuple[Measure, Dispatcher]:
    """Two dispatchers in turns, one with a dead endpoint, which is answered too.

    What both do first, only warms them.
    """
    most = WAITING_LONG if long else WAITING
    dead, alive = [await _make(servers, arrivals, place) for place in ("dead", "alive")]
    await _kill(dead, most)
    with ExitStack() as stack:
        for side in (dead, alive):
            side.dispatcher.start(stack)
        rounds = [await _round(arrivals, dead, alive, number) for number in range(ROUNDS + 1)][1:]
    words = f"{most:,} waiting for a dead endpoint: the others"
    return Measure(words, "with none", "deliveries/s", rounds, AIM), dead.dispatcher


async def _make(servers: Servers, arrivals: Arrivals, place: str) -> Side:
    dispatcher = Dispatcher(servers, place)
    made = targets.make(place, arrivals.ports, [COUNTED] * ENDPOINTS)[1:]
    await targets.store(dispatcher.database_url, dispatcher.keys, made)
    return Side(dispatcher, made)


async def _kill(side: Side, count: int) -> None:
    """Adds an endpoint where nobody listens, and what waits for it; the planner is told of that."""
    target = targets.make_dead("dead")
    await targets.store(side.dispatcher.database_url, side.dispatcher.keys, [target])
    await waiting.fill(side.dispatcher.database_url, Wanted([target], "dead", count))
    connection = await asyncpg.connect(side.dispatcher.database_url)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.execute("CHECKPOINT")
    await connection.close()


async def _round(arrivals: Arrivals, dead: Side, alive: Side, number: int) -> tuple[float, float]:
    """The deliveries/s to the others with a dead endpoint and without; who comes first, changes."""
    if number % 2:
        ours = await _speed(arrivals, dead, f"others-{number}")
        return ours, await _speed(arrivals, alive, f"others-{number}")
    other = await _speed(arrivals, alive, f"others-{number}")
    return await _speed(arrivals, dead, f"others-{number}"), other


async def _speed(arrivals: Arrivals, side: Side, name: str) -> float:
    await arrivals.forget()
    await waiting.fill(side.dispatcher.database_url, Wanted(side.targets, name, COUNT))
    return (await arrivals.wait(COUNT, side.dispatcher.look)).speed

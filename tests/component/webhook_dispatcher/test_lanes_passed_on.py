"""Lanes go from one process to another while calls are open: none gets too much, none is left out."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from tests.component.webhook_dispatcher.conftest import Receiver, World, receiving
from tests.component.webhook_dispatcher.test_lanes import HELD
from tests.harness import until
from webhook_dispatcher.endpoints import endpoint_id
from webhook_dispatcher.lanes import lane

SOON = 10.0  # seconds in which a lane has passed on, and long before any call's deadline


@dataclass
class Counting(Receiver):
    """Holds what comes to `/hangs` open until it is told; counts how many are open at once."""

    closes: asyncio.Event = field(default_factory=asyncio.Event)
    now_open: Counter[str] = field(default_factory=Counter)
    most_open: Counter[str] = field(default_factory=Counter)

    async def on_webhook(self, request: web.Request) -> web.Response:
        path = request.path
        self.now_open[path] += 1
        self.most_open[path] = max(self.most_open[path], self.now_open[path])
        try:
            answer = await super().on_webhook(request)
            if path.startswith("/hangs"):
                await self.closes.wait()
            return answer
        finally:
            self.now_open[path] -= 1


@pytest.fixture
async def receiver() -> AsyncIterator[Counting]:
    counting = Counting()
    async with receiving(counting):
        yield counting
        counting.closes.set()


def path_in(receiver: Receiver, start: str, lanes: range) -> str:
    """A path whose endpoint is in one of these lanes."""
    paths = (f"{start}{number}" for number in range(1000))
    return next(path for path in paths if lane(endpoint_id("link-1", receiver.url + path)) in lanes)


LATTER = range(32, 64)  # the lanes that one process gives to a second one


async def lanes_are_shared(world: World, processes: int) -> None:
    async def so() -> bool:
        rows = await world.rows(HELD)
        return len(rows) == processes and sum(row.lanes for row in rows) == 64

    await until(f"the lanes are shared by {processes}", so)


async def test_who_takes_its_lanes_again_counts_what_it_has_in_flight(
    world: World, receiver: Counting
) -> None:
    async with world.start(endpoint_concurrency=2, request_deadline=300) as client:
        await world.assign(*(world.held(str(number), path="/hangs") for number in range(8)))
        await receiver.got(2, "/hangs")
        for row in await world.rows(HELD):
            await world.rows("SELECT pg_terminate_backend(:pid)", pid=row.pid)
        await world.assign(world.held("9", path="/well"))
        await receiver.got(1, "/well")
        receiver.closes.set()
        await world.ended(client, 9)
    assert receiver.most_open["/hangs"] == 2


async def test_while_one_stops_and_waits_for_a_call_the_other_serves_its_endpoints(
    world: World, receiver: Counting
) -> None:
    hangs, well = path_in(receiver, "/hangs", range(32)), path_in(receiver, "/well", range(32))
    settings = {"request_deadline": 300, "drain_timeout": 30}
    async with world.start(**settings) as client:
        stopping = world.start(**settings)
        await stopping.__aenter__()
        await lanes_are_shared(world, 2)
        await world.assign(*(world.held(str(number), path=path) for number, path in enumerate((hangs, well))))
        await receiver.got(1, hangs)
        await receiver.got(1, well)
        stopped = asyncio.create_task(stopping.__aexit__(None, None, None))
        await world.assign(
            world.held("2", path=well), world.held("3", path=path_in(receiver, "/well", LATTER))
        )
        await until("what comes meanwhile is sent", lambda: came(receiver, 4), SOON)
        receiver.closes.set()
        await stopped
        await world.ended(client, 4)
    assert len(receiver.received) == 4


async def came(receiver: Receiver, count: int) -> bool:
    return len(receiver.received) >= count

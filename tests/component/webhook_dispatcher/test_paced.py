"""When webhooks come: after what a receiver asked for, as fast as an endpoint takes, whatever others do."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from tests.component.webhook_dispatcher.conftest import Receiver, World, receiving
from tests.harness import until


class Clock(Receiver):
    """Notes when each webhook came, and how many were open at once at a path."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[tuple[str, float]] = []
        self.open_now: dict[str, int] = {}
        self.most_open: dict[str, int] = {}
        self.takes = 0.0

    async def on_webhook(self, request: web.Request) -> web.Response:
        path = request.path
        self.open_now[path] = self.open_now.get(path, 0) + 1
        self.most_open[path] = max(self.most_open.get(path, 0), self.open_now[path])
        self.came.append((path, time.monotonic()))
        await asyncio.sleep(self.takes)
        try:
            return await super().on_webhook(request)
        finally:
            self.open_now[path] -= 1

    def times(self, path: str) -> list[float]:
        return [at for each, at in self.came if each == path]


@pytest.fixture
async def receiver() -> AsyncIterator[Clock]:
    clock = Clock()
    async with receiving(clock):
        yield clock


async def test_retry_after_in_seconds_is_followed_in_full_and_before_what_is_due_later(
    world: World, receiver: Clock
) -> None:
    receiver.will_answer("/asks", 503, **{"Retry-After": "3"})
    receiver.will_answer("/later", 503)
    async with world.start(retry_schedule="6,6") as client:
        await world.assign(world.held("1", path="/asks"), world.held("2", path="/later"))
        await world.ended(client, 2)
    [asked, again] = receiver.times("/asks")
    [_, later] = receiver.times("/later")
    assert again - asked >= 3
    assert again < later


async def test_retry_after_as_a_date_is_followed(world: World, receiver: Clock) -> None:
    date = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=10)
    receiver.will_answer("/", 429, **{"Retry-After": format_datetime(date, usegmt=True)})
    async with world.start(retry_schedule="0.1") as client:
        await world.assign(world.held("1"))
        await world.ended(client, 1)
        detail = await world.detail(client, (await world.deliveries(client))[0]["id"])
    [asked, again] = [datetime.fromisoformat(each["started_at"]) for each in detail["made"]]
    assert asked < date <= again


async def test_an_endpoint_that_hangs_delays_no_other(world: World, receiver: Clock) -> None:
    async with world.start(request_deadline=300, concurrency=40) as client:
        await world.assign(*(world.held(str(number), path="/slow") for number in range(200)))
        await receiver.got(3, "/slow")
        await world.assign(*(world.held(f"w{number}", path="/well") for number in range(300)))
        await receiver.got(300, "/well")
        hanging = receiver.most_open["/slow"]
        waiting = await world.deliveries(client, status="waiting")
        receiver.open.set()
    assert hanging < 40
    assert len(waiting) == 200
    assert {each["attempts"] for each in waiting} == {0}


@pytest.mark.parametrize("most", [1, 4])
async def test_an_endpoints_concurrency_is_kept_by_all_processes_together(
    world: World, receiver: Clock, most: int
) -> None:
    receiver.takes = 0.02
    async with world.start(endpoint_concurrency=most) as client, world.start(endpoint_concurrency=most):
        await world.assign(*(world.held(str(number)) for number in range(60)))
        await world.ended(client, 60)
    assert receiver.most_open["/"] == most


async def test_an_endpoints_rate_is_kept(world: World, receiver: Clock) -> None:
    async with world.start(endpoint_rate=20) as client:
        await world.assign(*(world.held(str(number)) for number in range(41)))
        await world.ended(client, 41)
    times = receiver.times("/")
    # Two may go at once, and then one each twentieth of a second; the first may be late.
    assert times[-1] - times[0] >= (41 - 2 - 1) / 20 - 0.5


async def test_a_breaker_opens_lets_one_try_it_and_closes(world: World, receiver: Clock) -> None:
    receiver.will_answer("/", *[500] * 4)
    async with world.start(endpoint_concurrency=1, breaker_failures=4, retry_schedule="0.1,0.1,9") as client:
        await world.assign(*(world.held(str(number)) for number in range(8)))

        async def opened() -> bool:
            return any(each["breaker"] == "open" for each in await world.endpoints(client))

        await until("the breaker is open", opened)
        tried = len(receiver.received)
        await world.ended(client, 8)
        [endpoint] = await world.endpoints(client)
        deliveries = await world.deliveries(client)
    times = receiver.times("/")
    assert tried == 4
    assert times[4] - times[3] >= 5
    assert endpoint["breaker"] == "closed"
    assert sum(each["failures"] for each in deliveries) == 4

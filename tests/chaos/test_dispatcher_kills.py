"""The dispatcher is killed at random while webhooks flow: all arrive in order, few of them twice."""

import asyncio
import os
import random
import time
from pathlib import Path

import pytest

from tests.chaos.dispatcher import Dispatcher
from tests.chaos.flow import Flow, flowing
from tests.component.webhook_dispatcher import arrivals
from tests.conftest import MakeDatabase
from tests.harness import until
from tests.servers import Servers

pytestmark = pytest.mark.timeout(300)

# How much comes twice, and how late, is judged where nobody else works at the same time: in `make chaos`.
IS_WHOLE = os.environ.get("ORDERDOCK_CHAOS") == "whole"
RATE = 200 if IS_WHOLE else 100  # events a second
KILLS = 8 if IS_WHOLE else 3
SECONDS = 7.5 * KILLS
MOST_REPEATS = 5
CAUGHT_UP_IN = 5.0
LATE = 0.1  # seconds that no event waits while all flows
STEADY = 1.0  # seconds in which it may be killed again, if catching up left it fewer


async def test_a_dispatcher_that_is_killed_again_and_again_loses_nothing_and_repeats_little(
    servers: Servers, prefix: str, make_database: MakeDatabase, tmp_path: Path
) -> None:
    dispatcher = Dispatcher(servers, prefix, make_database("webhook_dispatcher"), tmp_path / "log")
    async with flowing(servers.bootstrap_servers, prefix + "assignments") as flow:
        await dispatcher.start()
        await flow.publish(RATE, 1)
        await all_arrived(flow)
        async with asyncio.TaskGroup() as tasks:
            killed = tasks.create_task(killed_at_random(dispatcher, flow))
            tasks.create_task(flow.publish(RATE, SECONDS, enough=killed.done))
        lasted = [*killed.result(), await all_arrived(flow)]
        await dispatcher.stop()
    repeats = arrivals.repeats(flow.received)
    print(f"{repeats} repeats; caught up in {', '.join(f'{each:.1f}' for each in lasted)} s")  # noqa: T201
    assert arrivals.faults(flow.received, flow.published) == []
    if IS_WHOLE:
        assert repeats <= MOST_REPEATS
        assert max(lasted) <= CAUGHT_UP_IN


async def killed_at_random(dispatcher: Dispatcher, flow: Flow) -> list[float]:
    """Kills it at a random moment of each part of the time, once all flows again.

    Answers how many seconds it took each time until it did. What comes twice is what was in flight: in the
    midst of a backlog that would be hundreds.
    """
    began, lasted = time.monotonic(), []
    for number in range(1, KILLS + 1):
        left = began + SECONDS * number / KILLS - time.monotonic()
        await asyncio.sleep(max(left, STEADY) * random.random())
        await dispatcher.kill()
        await dispatcher.start()
        lasted.append(await caught_up(flow))
    return lasted


async def caught_up(flow: Flow) -> float:
    """Seconds until no event waits for longer than usual; no process is up sooner than that."""
    began = time.monotonic()

    async def is_caught_up() -> bool:
        return time.monotonic() - began > LATE and flow.behind <= LATE

    await until("what waited has arrived", is_caught_up)
    return time.monotonic() - began


async def all_arrived(flow: Flow) -> float:
    """Seconds until every event has."""
    began = time.monotonic()

    async def is_there() -> bool:
        return flow.behind == 0

    await until("everything has arrived", is_there)
    return time.monotonic() - began

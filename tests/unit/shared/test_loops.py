"""Work that the clock starts: at once while there is more, after a growing wait when it fails."""

import asyncio
from dataclasses import dataclass, field

import pytest

from shared.loops import MAX_BACKOFF, Loop, backoff, nudging
from shared.telemetry import Metrics
from tests.harness import until

NEVER = 3600.0


@dataclass
class Work:
    """A step that fails, or has more to do, as often as it is told."""

    failures: int = 0
    more: int = 0
    steps: int = 0
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def step(self) -> bool:
        self.steps += 1
        if self.failures:
            self.failures -= 1
            raise ConnectionError("away")
        self.more -= 1
        return self.more > 0

    async def hold(self) -> bool:
        self.steps += 1
        await self.held.wait()
        self.steps += 1
        return False

    async def has_done(self, steps: int) -> bool:
        return self.steps >= steps


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.1), (2, 0.2), (3, 0.4), (7, 6.4), (8, MAX_BACKOFF), (1000, MAX_BACKOFF)]
)
def test_how_long_is_waited_after_failures(failures: int, seconds: float) -> None:
    assert backoff(failures) == pytest.approx(seconds)


async def test_a_loop_goes_on_at_once_while_there_is_more() -> None:
    work = Work(more=50)
    loop = Loop("test", work.step, Metrics("test"), idle=NEVER)
    loop.start()
    await until("fifty steps", lambda: work.has_done(50))
    await loop.stop()
    assert work.steps == 50


async def test_a_nudge_ends_an_idle_wait() -> None:
    work = Work()
    loop = Loop("test", work.step, Metrics("test"), idle=NEVER)
    loop.start()
    await until("the first step", lambda: work.has_done(1))
    nudging(loop)()
    await until("the nudged step", lambda: work.has_done(2))
    await loop.stop()


async def test_a_step_that_fails_is_tried_again() -> None:
    work = Work(failures=3)
    loop = Loop("test", work.step, Metrics("test"), idle=NEVER)
    loop.start()
    await until("a step that works", lambda: work.has_done(4))
    await loop.stop()


async def test_stopping_lets_the_step_at_hand_end() -> None:
    work = Work()
    loop = Loop("test", work.hold, Metrics("test"), idle=NEVER)
    loop.start()
    await until("the step has begun", lambda: work.has_done(1))
    stopping = asyncio.create_task(loop.stop(timeout=30))
    work.held.set()
    await stopping
    assert work.steps == 2


async def test_a_step_that_hangs_is_cut_off_when_its_time_is_up() -> None:
    work = Work()
    loop = Loop("test", work.hold, Metrics("test"), idle=NEVER)
    loop.start()
    await until("the step has begun", lambda: work.has_done(1))
    await loop.stop(timeout=0.01)
    assert work.steps == 1

"""Work that the clock starts: one step again and again, with back-off when it fails."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import structlog

from shared.telemetry import Metrics

log = structlog.get_logger()

Step = Callable[[], Awaitable[bool]]

MAX_BACKOFF = 10.0


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 0.1, 0.2, 0.4 … at most 10."""
    return float(min(0.1 * 2 ** min(failures - 1, 10), MAX_BACKOFF))


class Loop:
    """Runs `step`: again at once while it says there is more, else after `idle` seconds or a nudge.

    `idle` may also be a function that is asked each time.

    A step that fails is logged and tried again after a growing wait; it never ends the loop.
    """

    def __init__(self, name: str, step: Step, metrics: Metrics, *, idle: float | Callable[[], float]) -> None:
        self.name = name
        self._step = step
        self._idle = idle
        self._failed = metrics.failures.labels(name)
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._failures = 0
        self._step_began: float | None = None

    def start(self) -> None:
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name=self.name)

    def nudge(self) -> None:
        """Ends an idle wait: there is work now."""
        self._nudged.set()

    async def stop(self, timeout: float = 5) -> None:
        """Lets the step at hand end, for at most `timeout` seconds."""
        self._stopping = True
        self.nudge()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=timeout)
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def silence(self) -> float:
        """Seconds that the step at hand has taken: more than a minute or two, and it hangs."""
        return 0.0 if self._step_began is None else time.monotonic() - self._step_began

    async def _run(self) -> None:
        while not self._stopping:
            self._nudged.clear()
            if await self._tried():
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), self._wait())

    async def _tried(self) -> bool:
        self._step_began = time.monotonic()
        try:
            more = await self._step()
        except Exception as error:
            self._failures += 1
            self._failed.inc()
            log.warning("loop.failed", loop=self.name, failures=self._failures, exc_info=error)
            return False
        finally:
            self._step_began = None
        self._failures = 0
        return more

    def _wait(self) -> float:
        if self._failures:
            return backoff(self._failures)
        return self._idle() if callable(self._idle) else self._idle


def nudging(*loops: Loop) -> Callable[[], None]:
    """What nudges all these loops when it is called."""

    def nudge() -> None:
        for loop in loops:
            loop.nudge()

    return nudge

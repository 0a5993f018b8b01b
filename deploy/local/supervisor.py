"""Keeps the platform's parts running: starts them, starts again whatever dies, stops them."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

FIRST_PAUSE = 0.5  # seconds
LONGEST_PAUSE = 10.0
HEALTHY_AFTER = 30.0
LOOK_EVERY = 0.1


class Part(Protocol):
    """What PostgreSQL, Kafka and the services have in common."""

    @property
    def pid(self) -> int | None: ...

    @property
    def exit_code(self) -> int | None: ...

    def alive(self) -> bool: ...

    def prepare(self) -> None: ...

    def launch(self) -> None: ...

    def wait_ready(self) -> None: ...

    def stop(self) -> None: ...


class Supervisor:
    """Launches named parts in the event loop's thread, with which they end; waits are in other threads."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.parts: dict[str, Part] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._say = say

    async def start(self, name: str, part: Part) -> None:
        """Start a part, wait until it is ready, and from then on keep it running."""
        self.parts[name] = part
        await asyncio.to_thread(part.prepare)
        part.launch()
        await asyncio.to_thread(part.wait_ready)
        self._say(f"{name} is ready.")
        self._watches[name] = asyncio.create_task(self._watch(name, part), name=f"watch {name}")

    async def start_all(self, parts: Mapping[str, Part]) -> None:
        """Start these parts at the same time; the first failure is raised, and ends the others' start."""
        try:
            async with asyncio.TaskGroup() as starts:
                for name, part in parts.items():
                    starts.create_task(self.start(name, part))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def stop(self, names: Iterable[str]) -> None:
        """Stop these parts, all at once, those among them that were started."""
        await asyncio.gather(*(self._stop(name) for name in names if name in self.parts))

    def keeps(self, name: str) -> bool:
        """Whether a part is to run: it was started and not stopped since."""
        return name in self._watches

    async def _stop(self, name: str) -> None:
        watch = self._watches.pop(name, None)
        if watch is not None:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        await asyncio.to_thread(self.parts[name].stop)

    async def _watch(self, name: str, part: Part) -> None:
        pause = FIRST_PAUSE
        while True:
            born = time.monotonic()
            while part.alive():  # noqa: ASYNC110  (no event tells of a process's end, and a thread each costs more)
                await asyncio.sleep(LOOK_EVERY)
            if time.monotonic() - born >= HEALTHY_AFTER:
                pause = FIRST_PAUSE
            end = how_it_ended(part.exit_code)
            await asyncio.sleep(pause)
            await self._start_again(name, part, end)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _start_again(self, name: str, part: Part, end: str) -> None:
        try:
            await asyncio.to_thread(part.prepare)
            part.launch()
        except Exception as error:  # whatever it is, the next attempt may work
            self._say(f"{name} {end} and can't be started again yet: {error}")
        else:
            self._say(f"{name} {end}; started again as process {part.pid}.")


def how_it_ended(exit_code: int | None) -> str:
    """A process's exit code in words."""
    if exit_code is not None and exit_code < 0:
        return f"was killed by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"

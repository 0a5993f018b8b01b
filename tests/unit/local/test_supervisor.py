"""The supervisor: what dies is started again, what was stopped on purpose is not."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from deploy.local.child import Child
from deploy.local.errors import PlatformError
from deploy.local.supervisor import Supervisor, how_it_ended


class Sleeper:
    """A part that is a real process; `broken` makes it end at once."""

    def __init__(self, folder: Path, name: str, *, broken: bool = False) -> None:
        self._child = Child(name, folder / f"{name}.pid", folder / f"{name}.log")
        self._program = "raise SystemExit(3)" if broken else "import time; time.sleep(600)"

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        return self._child.exit_code

    def alive(self) -> bool:
        return self._child.alive()

    def prepare(self) -> None:
        self._child.end_leftover()

    def launch(self) -> None:
        self._child.launch([sys.executable, "-c", self._program], Path("/"))

    def wait_ready(self) -> None:
        if "SystemExit" in self._program:
            while self.alive():
                pass
        self._child.must_be_alive()

    def stop(self) -> None:
        self._child.stop()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
async def supervisor(said: list[str]) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(said.append)
    yield supervisor
    await supervisor.stop(list(supervisor.parts))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  (no event tells of a process's end)
            await asyncio.sleep(0.01)


async def test_a_killed_part_comes_back_under_a_new_pid(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    part = Sleeper(tmp_path, "sleeper")
    await supervisor.start("sleeper", part)
    first = part.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: part.pid not in (None, first))
    assert said[-1] == f"sleeper was killed by SIGKILL; started again as process {part.pid}."


async def test_a_part_stopped_on_purpose_stays_stopped_and_can_be_started_again(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    part = Sleeper(tmp_path, "sleeper")
    await supervisor.start("sleeper", part)
    await supervisor.stop(["sleeper"])
    assert not part.alive()
    assert not supervisor.keeps("sleeper")
    await supervisor.start("sleeper", part)
    assert part.alive()
    assert said == ["sleeper is ready."] * 2


async def test_a_part_that_cannot_start_fails_the_start_in_words(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    parts = {"sleeper": Sleeper(tmp_path, "sleeper"), "broken": Sleeper(tmp_path, "broken", broken=True)}
    with pytest.raises(PlatformError, match=r"broken ended while it was starting \(exit code 3\)"):
        await supervisor.start_all(parts)


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [(0, "ended with exit code 0"), (2, "ended with exit code 2"), (-9, "was killed by SIGKILL")],
)
def test_an_end_is_told_in_words(exit_code: int, words: str) -> None:
    assert how_it_ended(exit_code) == words

"""A child process: launched, stopped, found again by a later start, and ended with its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.child import Child, end_leftover, has_ended
from deploy.local.errors import PlatformError

SLEEP = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(600)",
]
PARENT = """
import sys
from pathlib import Path
from deploy.local.child import Child
child = Child("child", Path(sys.argv[1]) / "child.pid", Path(sys.argv[1]) / "child.log")
child.launch([sys.executable, "-c", "import time; time.sleep(600)"], Path("/"))
print(child.pid, flush=True)
input()
"""


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child("sleeper", tmp_path / "child.pid", tmp_path / "child.log")
    yield child
    child.stop(patience=0)


def launch(child: Child, command: list[str]) -> int:
    """Launch the command and wait until it has spoken."""
    child.launch(command, Path("/"))
    until(lambda: "here" in child.log.read_text())
    assert child.pid is not None
    return child.pid


def test_a_stopped_child_is_gone_and_forgotten(child: Child) -> None:
    pid = launch(child, SLEEP)
    child.stop()
    assert not psutil.pid_exists(pid)
    assert child.pid is None
    assert not child.pid_file.exists()


def test_a_child_that_ignores_its_farewell_is_killed(child: Child) -> None:
    launch(child, DEAF)
    child.stop(patience=0.1)
    assert child.exit_code == -signal.SIGKILL


def test_a_leftover_is_ended_by_the_next_start(child: Child) -> None:
    pid = launch(child, SLEEP)
    end_leftover(child.pid_file)
    until(lambda: not child.alive())
    assert not psutil.pid_exists(pid)


def test_a_stranger_with_the_same_pid_is_left_alone(child: Child) -> None:
    launch(child, SLEEP)
    child.pid_file.write_text(f"{child.pid} 1.0\n")
    end_leftover(child.pid_file)
    assert child.alive()


def test_a_child_that_ended_early_is_told_with_the_end_of_its_log(child: Child) -> None:
    child.launch([sys.executable, "-c", "raise SystemExit('no luck today')"], Path("/"))
    until(lambda: not child.alive())
    with pytest.raises(PlatformError, match=r"sleeper ended .* \(exit code 1\)[\s\S]*no luck today"):
        child.must_be_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
    until(lambda: has_ended(child))

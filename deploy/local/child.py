"""One child process of the platform: its command, its log, its pid, its end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from deploy.local import leash
from deploy.local.errors import PlatformError

TAIL_LINES = 5
AFTER_KILL = 10.0  # seconds until a kill must have worked


@dataclass
class Child:
    """A process that is launched, watched and stopped, and that doesn't outlive the one that launched it.

    `farewell` is the signal that makes it end in good order. The pid is kept in `pid_file`, so that a later
    start finds what an earlier one left.
    """

    name: str
    pid_file: Path
    log: Path
    farewell: signal.Signals = signal.SIGTERM
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """The process id, or None when it isn't running."""
        return self._process.pid if self._process is not None and self.alive() else None

    @property
    def exit_code(self) -> int | None:
        """How the last run ended (negative: by that signal); None while it runs and before the first."""
        return None if self._process is None else self._process.poll()

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def launch(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        user: str = "",
    ) -> None:
        """Start `command` in `folder`, in a thread that lives on: at that thread's end the child ends too."""
        leashed = [
            sys.executable,
            "-I",
            "-S",
            leash.__file__,
            str(os.getpid()),
            str(int(self.farewell)),
            user,
        ]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C is for the platform alone, which then stops its parts in order.
            self._process = subprocess.Popen(
                [*leashed, *command],
                cwd=folder,
                env=None if environment is None else dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._remember()

    def stop(self, patience: float = 20.0) -> None:
        """End the process: by its farewell signal, and after `patience` seconds by SIGKILL."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(self.farewell)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self.pid_file.unlink(missing_ok=True)

    def end_leftover(self) -> None:
        """End the process that an earlier, killed platform left behind, if it still runs."""
        end_leftover(self.pid_file, self.farewell)

    def must_be_alive(self) -> None:
        """Raise `PlatformError` with the end of the log when the process has ended."""
        if not self.alive():
            raise PlatformError(
                f"{self.name} ended while it was starting (exit code {self.exit_code}). {self.last_words()}"
            )

    def last_words(self) -> str:
        """Where the log is, and its last lines."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n  ".join([f"Its log is {self.log}:", *lines[-TAIL_LINES:]])

    def _remember(self) -> None:
        assert self._process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            born = psutil.Process(self._process.pid).create_time()
            self.pid_file.parent.mkdir(parents=True, exist_ok=True)
            self.pid_file.write_text(f"{self._process.pid} {born}\n")


def end_leftover(pid_file: Path, farewell: signal.Signals = signal.SIGTERM, patience: float = 10.0) -> None:
    """End the process of this pid file, by `farewell` and after `patience` seconds by SIGKILL."""
    left = leftover(pid_file)
    if left is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            left.send_signal(farewell)
        kill_unless_ended([left], patience)
    pid_file.unlink(missing_ok=True)


def leftover(pid_file: Path) -> psutil.Process | None:
    """The process of the pid file, told by its time of birth from a stranger that was given the same pid."""
    try:
        pid, born = pid_file.read_text().split()
        process = psutil.Process(int(pid))
        return process if abs(process.create_time() - float(born)) < 1 else None
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None


def kill_unless_ended(processes: Sequence[psutil.Process], patience: float) -> None:
    """Give the processes `patience` seconds to end, then kill. Raises `PlatformError` if even that fails."""
    waited_until = time.monotonic() + patience
    while running := [process for process in processes if not has_ended(process)]:
        late = time.monotonic() - waited_until
        if late > AFTER_KILL:
            raise PlatformError(f"Process {running[0].pid} can't be ended. End it, then start again.")
        for process in running if late > 0 else ():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.05)


def has_ended(process: psutil.Process) -> bool:
    """Whether the process is gone, or only waits for a parent to take note: in a container nobody may."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True

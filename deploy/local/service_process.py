"""One of Orderdock's services, run as a process of its own on a loopback port."""

import sys
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from deploy.local.child import Child
from deploy.local.errors import PlatformError
from deploy.local.ports import LOOPBACK

SERVICES = ("integration", "order-router", "webhook-dispatcher")
START_DEADLINE = 90.0


class Service:
    """A service by name; `environment` is the whole environment of its process."""

    def __init__(
        self, name: str, port: int, environment: Mapping[str, str], *, pid_file: Path, log: Path
    ) -> None:
        self.name = name
        self.url = f"http://{LOOPBACK}:{port}"
        self._port = port
        self.environment = environment
        self._child = Child(name, pid_file, log)

    @property
    def log(self) -> Path:
        return self._child.log

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        return self._child.exit_code

    def alive(self) -> bool:
        return self._child.alive()

    def prepare(self) -> None:
        """End what an earlier start left."""
        self._child.end_leftover()

    def launch(self, command: str = "serve") -> None:
        """Start the process; see `Child.launch` for the thread to do it in."""
        self._child.launch([sys.executable, str(script(self.name)), command], Path.cwd(), self.environment)

    def wait_ready(self) -> None:
        """Wait until the service is ready. Raises `PlatformError` if it ends or takes too long."""
        deadline = time.monotonic() + START_DEADLINE
        while (reason := self.why_unready()) is not None:
            self._child.must_be_alive()
            if time.monotonic() > deadline:
                waited = f"{self.name} isn't ready after {START_DEADLINE:.0f} s"
                raise PlatformError(f"{waited}: {reason}. {self._child.last_words()}")
            time.sleep(0.1)

    def wait_ended(self) -> None:
        """Wait until the process, one that ends by itself, has ended. Raises `PlatformError` if it failed."""
        while self.alive():
            time.sleep(0.05)
        if self.exit_code != 0:
            raise PlatformError(
                f"{self.name} failed (exit code {self.exit_code}). {self._child.last_words()}"
            )

    def stop(self) -> None:
        """End the service in good order."""
        self._child.stop()

    def why_unready(self) -> str | None:
        """What keeps the service from being ready, in its own words; None when it is ready."""
        connection = HTTPConnection(LOOPBACK, self._port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            answer = connection.getresponse()
            return None if answer.status == 200 else answer.read().decode(errors="replace")
        except (OSError, HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()


def script(service: str) -> Path:
    """The service's command, beside the Python that runs this. Raises `PlatformError` if it is missing."""
    path = Path(sys.executable).with_name(f"orderdock-{service}")
    if not path.exists():
        raise PlatformError(
            f"{path} is missing. Install Orderdock into this Python: pip install -e '.[local]'."
        )
    return path

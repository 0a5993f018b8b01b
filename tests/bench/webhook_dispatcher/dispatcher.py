"""One webhook-dispatcher process, started as in production, seen from outside."""

from contextlib import ExitStack

import psutil
from cryptography.fernet import Fernet
from pydantic import SecretStr

from shared.encryption import KeyRing
from shared.kafka.topics import ASSIGNMENTS
from tests.bench.stage import Servers, start

NETWORKS = "127.0.0.0/8"


class Dispatcher:
    """The process, on a database and on topics of its own; `peak` is the most memory it was seen to hold."""

    def __init__(self, servers: Servers, place: str) -> None:
        key = Fernet.generate_key().decode()
        self.keys = KeyRing([SecretStr(key)])
        settings = {
            "ORDERDOCK_ENCRYPTION_KEYS": key,
            "ORDERDOCK_ALLOWED_NETWORKS": NETWORKS,
            "ORDERDOCK_ALLOW_HTTP": "true",
            "ORDERDOCK_INTEGRATION_URL": "http://127.0.0.1:9",  # nobody asks it for an account
        }
        self.service = servers.make_service("webhook-dispatcher", settings, place)
        self.database_url = self.service.environment["DATABASE_URL"]
        self.assignments = f"{place}.{ASSIGNMENTS}"
        self.peak = 0  # bytes
        self._servers = servers
        self._process = psutil.Process()

    def start(self, stack: ExitStack) -> None:
        """Runs it until the stack ends."""
        start(self.service, stack)
        self._process = psutil.Process(self.service.pid)
        stack.callback(self.resume)

    def suspend(self) -> None:
        """Stops it where it stands, so that it reads nothing; for ten seconds its group waits for it."""
        self._process.suspend()

    def resume(self) -> None:
        self._process.resume()

    def look(self) -> None:
        """Notes what memory it holds."""
        self.peak = max(self.peak, self._process.memory_info().rss)

    def cpu(self) -> float:
        """Seconds that the process has taken so far."""
        return _seconds(self._process)

    def cpu_of_all(self) -> float:
        """Seconds that it, PostgreSQL and Kafka have taken so far."""
        postgres = psutil.Process(self._servers.postgres.pid)
        ended = postgres.cpu_times()
        processes = (self._process, psutil.Process(self._servers.kafka.pid), postgres, *postgres.children())
        return sum(map(_seconds, processes)) + ended.children_user + ended.children_system


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)

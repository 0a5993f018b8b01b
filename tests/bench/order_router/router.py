"""One order-router process, started as in production, seen from outside."""

from contextlib import ExitStack
from dataclasses import dataclass

import psutil

from shared.kafka.topics import ASSIGNMENTS, ORDERS_CREATED
from tests.bench.order_router.backlog import Backlog
from tests.bench.order_router.growth import Topic, speed
from tests.bench.stage import Servers, start

SETTINGS = {"ORDERDOCK_INTEGRATION_URL": "http://127.0.0.1:9"}  # nobody asks it for an account


@dataclass(frozen=True)
class Work:
    """How fast orders were routed and published (a second), and what CPU one took (seconds)."""

    speed: float
    cpu: float


class Router:
    """The process, on a database and on topics of its own; `peak` is the most memory it was seen to hold."""

    def __init__(self, servers: Servers, place: str) -> None:
        self.service = servers.make_service("order-router", SETTINGS, place)
        self.database_url = self.service.environment["DATABASE_URL"]
        self.orders, self.assignments = f"{place}.{ORDERS_CREATED}", f"{place}.{ASSIGNMENTS}"
        self.peak = 0  # bytes
        self._backend = f"postgres: postgres {place} [local]"
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

    async def work(self, to: Topic, backlog: Backlog) -> Work:
        """Resumes it and waits until it has published the backlog on its topic of assignments."""
        before, held = self._cpu(), await to.held()
        self.resume()
        seen = await to.grow(held, backlog.size, self._look)
        return Work(speed(seen), (self._cpu() - before) / backlog.size)

    def _look(self) -> None:
        self.peak = max(self.peak, self._process.memory_info().rss)

    def _cpu(self) -> float:
        """Seconds that the process and the backends of its connections have taken so far."""
        backends = psutil.Process(self._servers.postgres.pid).children()
        own = [each for each in backends if " ".join(each.cmdline()).startswith(self._backend)]
        times = [each.cpu_times() for each in (self._process, *own)]
        return float(sum(each.user + each.system for each in times))

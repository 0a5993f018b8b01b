"""What arrived at the endpoints of a bench, as their process tells it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.bench.errors import BenchError
from tests.bench.webhook_dispatcher import receiver
from tests.bench.worker import Worker, worker

LOOK = 0.02  # seconds between two looks
PATIENCE = 60.0  # seconds without an arrival


@dataclass(frozen=True)
class Arrived:
    """How many webhooks came, the first and the last when (s since 1970), and their latencies' p99 (s)."""

    count: int
    first: float
    last: float
    p99: float

    @property
    def speed(self) -> float:
        """Webhooks/s from the first to the last."""
        return (self.count - 1) / (self.last - self.first)


class Arrivals:
    """The receiver's process, seen from the bench; its endpoints listen on `ports`."""

    def __init__(self, process: Worker, ports: Sequence[int]) -> None:
        self.ports = ports
        self._process = process

    async def forget(self) -> None:
        """Counts anew from here."""
        await self._process.do("forget")

    async def wait(self, wanted: int, look: Callable[[], object] = lambda: None) -> Arrived:
        """What arrived, once it is so many; `look` is called each time that it isn't."""
        count, grown_at = 0, time.monotonic()
        while count < wanted:
            await asyncio.sleep(LOOK)
            look()
            before, count = count, await self._process.do("count")
            grown_at = time.monotonic() if count > before else grown_at
            if time.monotonic() - grown_at > PATIENCE:
                raise BenchError(f"No webhook comes any more, and {wanted - count} of {wanted} are missing.")
        return Arrived(**await self._process.do("tell"))

    async def mend(self) -> None:
        """Lets the faulty endpoints answer, what hangs included."""
        await self._process.do("mend")

    async def spoil(self) -> None:
        """Makes them faulty again."""
        await self._process.do("spoil")


@asynccontextmanager
async def arrivals() -> AsyncIterator[Arrivals]:
    """Starts the receiver's process and ends it after the block."""
    async with worker(receiver.__name__) as process:
        yield Arrivals(process, await process.do("ports"))

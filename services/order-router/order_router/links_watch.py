"""Watches how far `links` is applied, and holds orders back while the links are not known well enough."""

import time

from order_router.freshness import Freshness, Observation
from shared import offsets
from shared.database import Database
from shared.kafka.consumer import BatchConsumer
from shared.loops import Loop
from shared.telemetry import Metrics


class LinksWatch:
    """Looks every second at the ends of `links` and at what any of the router's processes has applied."""

    def __init__(self, database: Database, consumer: BatchConsumer, topic: str, metrics: Metrics) -> None:
        self.loop = Loop("links-watch", self._step, metrics, idle=1)
        self._database = database
        self._consumer = consumer
        self._topic = topic
        self._freshness = Freshness()

    def is_fresh(self) -> bool:
        """Whether orders may be routed now."""
        return self._freshness.doubt(time.monotonic()) is None

    def doubts(self) -> list[str]:
        """Why the router isn't ready, as far as the links are the reason."""
        doubt = self._freshness.doubt(time.monotonic())
        return [doubt] if doubt else []

    async def _step(self) -> bool:
        seen = Observation(time.monotonic(), await self._consumer.ends(self._topic))
        async with self._database.transaction() as connection:
            applied = await offsets.read(connection, seen.ends)
        self._freshness = self._freshness.observe(seen, applied)
        return False

"""Lanes: each endpoint is in one of them, and each is served by one process at a time (DESIGN 5.7).

So one process knows all that is in flight to an endpoint, and keeps its concurrency, rate and breaker.
Nothing but these depends on it: who may record a result, and in what order webhooks go, the rows say.
"""

import asyncio
import random
import time
from collections.abc import Callable, Collection
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.loops import Loop
from shared.telemetry import Metrics
from webhook_dispatcher.store import lanes as lane_store
from webhook_dispatcher.store import wakes

log = structlog.get_logger()

LANES = 64
LOOK_EVERY = 2.0
# Wakes come at once; this finds what somebody changed by hand.
SWEEP_EVERY = 60.0
PATIENCE = 15.0  # seconds until a database that doesn't answer is taken to be lost


def lane(endpoint_id: str) -> int:
    """The lane of an endpoint, by the end of its id, which is a hash."""
    return int(endpoint_id[-2:], 16) % LANES


def fair_share(members: int) -> int:
    """How many lanes one of so many processes serves at most."""
    return -(-LANES // members)


class Lanes:
    """The lanes that this process serves: shared evenly with the others that are there, by advisory locks.

    `woken` is called with the endpoints in them at which something may be due, `changed` when it serves
    others than before. Whoever dies loses its locks with
    its connection, so its lanes are another's within a second or two, and its leases count no longer.
    """

    def __init__(
        self,
        database: Database,
        woken: Callable[[Collection[str]], None],
        changed: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        self.loop = Loop("lanes", self._step, metrics, idle=LOOK_EVERY)
        self.mine: frozenset[int] = frozenset()
        self.member = _number()
        self.alive: list[int] = []
        self._database = database
        self._woken = woken
        self._changed = changed
        self._connection: AsyncConnection | None = None
        self._swept_at = 0.0
        self._served = metrics.gauge(
            "lanes_served", f"Lanes of endpoints that this process serves, of {LANES}"
        )

    def serves(self, endpoint_id: str) -> bool:
        """Whether this process sends to an endpoint."""
        return lane(endpoint_id) in self.mine

    async def close(self) -> None:
        """Lets go of all lanes."""
        connection, self._connection = self._connection, None
        self._serve(frozenset())
        if connection is not None:
            # The locks belong to the server's session: only ending it gives them back.
            await connection.invalidate()
            await connection.close()

    async def _step(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._keep()
        except BaseException:
            await self.close()
            raise
        return False

    async def _keep(self) -> None:
        connection = self._connection or await self._join()
        taken = await self._share(connection)
        now = time.monotonic()
        if taken or now >= self._swept_at + SWEEP_EVERY:
            self._swept_at = now
            self._wake(await lane_store.waiting_endpoints(connection))

    async def _join(self) -> AsyncConnection:
        connection = await self._database.apart()
        self._connection = connection
        raw: Any = (await connection.get_raw_connection()).driver_connection
        await raw.add_listener(wakes.CHANNEL, lambda *heard: self._wake(wakes.read(heard[-1])))
        # By the same number as before if it may, so that what is in flight stays its own.
        while not await lane_store.join(connection, self.member):
            self.member = _number()
        return connection

    async def _share(self, connection: AsyncConnection) -> bool:
        """Takes and gives lanes so that each process has its share; answers whether it took any."""
        held = await lane_store.read(connection)
        self.alive = sorted(held.members)
        share = fair_share(len(held.members))
        given = sorted(held.mine)[share:]
        if given:
            self._serve(held.mine - set(given))
            await lane_store.release(connection, given)
        free = sorted(set(range(LANES)) - held.taken)[: max(0, share - len(held.mine))]
        taken = await lane_store.take(connection, free) if free else []
        self._serve((held.mine - set(given)) | set(taken))
        return bool(taken)

    def _serve(self, lanes: frozenset[int]) -> None:
        if lanes != self.mine:
            self.mine = lanes
            self._served.set(len(lanes))
            log.info("lanes.served", lanes=len(lanes), member=self.member, members=len(self.alive))
            self._changed()

    def _wake(self, endpoint_ids: Collection[str]) -> None:
        mine = [each for each in endpoint_ids if self.serves(each)]
        if mine:
            self._woken(mine)


def _number() -> int:
    return random.randrange(1, 2**31)  # noqa: S311 (only tells processes apart)

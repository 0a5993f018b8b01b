"""A dispatcher that dies: its delivery path as one coroutine, and all its connections cut."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import aiohttp
import asyncpg
from pydantic import SecretStr
from sqlalchemy import event, text

from shared.database import Database
from shared.encryption import KeyRing
from shared.kafka.batches import Batches
from shared.kafka.records import Record
from shared.telemetry import Metrics
from tests.component.webhook_dispatcher.conftest import KEY
from tests.harness import until
from webhook_dispatcher.claims import Claim
from webhook_dispatcher.exchange import Egress, Sender
from webhook_dispatcher.gates import Pace
from webhook_dispatcher.handlers import Handlers
from webhook_dispatcher.settling import Settler
from webhook_dispatcher.store import queue
from webhook_dispatcher.transport import guarded_transport
from webhook_dispatcher.worker import Dispatcher, Limits

LOOPBACK = [ip_network("127.0.0.0/8")]
RETRIES = (0.01, 0.01, 0.01)  # seconds
DEADLINE = 5.0
NOTHING_DUE = 0.005

_OTHERS = """
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_COUNT = text(f"SELECT count(*) {_OTHERS}")
_END_WAITING = text(f"SELECT pg_terminate_backend(pid) {_OTHERS} AND wait_event = 'ClientRead'")


class Mortal:
    """The parts of one dispatcher process that a delivery goes through, as `app.py` puts them together."""

    def __init__(self, database: Database, sender: type[Sender] = Sender) -> None:
        metrics, keys = Metrics("test"), KeyRing([SecretStr(KEY)])
        self._database = database
        self._transport = guarded_transport(LOOPBACK)
        self._connections: list[asyncpg.Connection[Any]] = []
        event.listen(database.engine.sync_engine, "connect", self._connected)
        self._batches = Batches(
            database,
            Handlers(keys, timedelta(days=30)).on_assignments,
            dead_letter_topic="dead",
            metrics=metrics,
            committed=lambda: None,
        )
        self._dispatcher = Dispatcher(
            database,
            sender(self._transport, keys, Egress(allow_http=True, networks=LOOPBACK), DEADLINE),
            Settler(database, "deliveries", timedelta(days=5), metrics),
            Limits(100, DEADLINE, RETRIES, Pace(50)),
            metrics,
            announced=lambda: None,
        )

    async def deliver(self, first: Sequence[Record], second: Sequence[Record]) -> None:
        """Takes in two batches, the second while deliveries of the first are in flight; sends all there is.

        What several tasks of a dispatcher do side by side it does one step after the other.
        """
        await self._batches.commit(first)
        await self._dispatcher._lanes._step()
        claims = await self._claim()
        await self._batches.commit(second)
        while True:
            for claim in claims:
                await self._dispatcher._send(claim)
            await self._dispatcher._settle_step()
            if not await self._waiting():
                return
            claims = await self._claim()

    async def die(self, watch: Database) -> None:
        """Cuts all connections; what the database was told before, it does."""
        for connection in self._connections:
            connection.terminate()
        if isinstance(self._transport.client, aiohttp.ClientSession):
            connector = self._transport.client.connector
            assert connector is not None
            await connector.close()
        await until("the database has let go of it", lambda: _alone(watch))

    async def close(self) -> None:
        """Ends a process that lives."""
        await self._dispatcher.drain(0)
        await self._transport.aclose()
        await self._database.close()

    async def _claim(self) -> list[Claim]:
        now = time.time()
        await self._dispatcher._look(now)
        claims = await self._dispatcher._claim(now)
        if not claims:
            await asyncio.sleep(NOTHING_DUE)
        return claims

    async def _waiting(self) -> int:
        async with self._database.statement() as connection:
            return await queue.waiting(connection)

    def _connected(self, connection: Any, _: Any) -> None:
        self._connections.append(connection.driver_connection)


async def _alone(watch: Database) -> bool:
    """Whether nobody else is connected; one that waits to hear from who is dead is ended."""
    async with watch.statement() as connection:
        others = (await connection.execute(_COUNT)).scalar_one()
        if others:
            await connection.execute(_END_WAITING)
    return not others

"""The order-router as a test of many acts drives it: batches, steps of its workers, calls of its API."""

import importlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import text

from shared.database import Database
from shared.kafka.batches import Batches
from shared.kafka.records import Record
from shared.kafka.relay import Relay
from shared.telemetry import Metrics
from tests.builders import NOW, account_id
from tests.component.order_router.order_told import Account, Body, Key, Sent
from tests.harness import NOBODY, Tokens

ACCOUNTS = (
    Account("shop 1", "shop", account_id("shop", 1)),
    Account("shop 2", "shop", account_id("shop", 2)),
    Account("threepl 1", "threepl", account_id("threepl", 1)),
    Account("threepl 2", "threepl", account_id("threepl", 2)),
    Account("operator", "operator", account_id("operator", 1)),
)
ASSIGNMENTS, DEAD = "assignments", "order-router.dead-letter"
MOST_STEPS = 50  # of a worker that should have been idle by then

# Tokens last for 15 minutes and keys for an hour; a long test has new ones.
_TABLES = (
    "orders",
    "order_history",
    "links",
    "link_days",
    "outbox",
    "consumer_offsets",
    "dead_letters",
)
_CLEAR = text(
    "WITH "
    + ", ".join(f"of_{name} AS (DELETE FROM {name})" for name in _TABLES)
    + " UPDATE trusted_keys SET fetched_at = now()"
)
_SNAPSHOT = text(
    """
    SELECT json_build_object(
        'orders', (SELECT json_agg(each) FROM orders AS each),
        'days', (SELECT json_agg(each) FROM link_days AS each WHERE orders <> 0),
        'offsets', (SELECT json_agg(each) FROM consumer_offsets AS each),
        'letters', (SELECT count(*) FROM dead_letters),
        'links', (SELECT json_agg(each) FROM (SELECT id, version, settled FROM links) AS each),
        'said', (SELECT json_agg(each ORDER BY id) FROM (
            SELECT id, topic, convert_from(key, 'UTF8') AS key, convert_from(value, 'UTF8') AS value
            FROM outbox WHERE id > :after AND topic = :topic
        ) AS each)
    )::text
    """
)
_A_DAY_LATER = text("UPDATE link_days SET day = day - 1")
_OVERDUE = text(
    """
    UPDATE orders SET cancellation_requested_at = cancellation_requested_at - interval '24 hours',
        take_over_requested_at = take_over_requested_at - interval '24 hours'
    """
)


@dataclass
class Service:
    """The router, not started: whoever drives it says what happens next. `counts` is what was done to it."""

    client: httpx.AsyncClient
    database: Database
    batches: dict[str, Batches]
    workers: dict[str, Any]
    store: Any
    tokens: Tokens
    counts: Counter[str] = field(default_factory=Counter)
    _headers: dict[str, dict[str, str]] = field(default_factory=dict)

    async def begin(self) -> None:
        """Forgets everything."""
        async with self.database.transaction() as connection:
            await connection.execute(_CLEAR)
        for who in ACCOUNTS:
            self._headers[who.name] = self.tokens.headers(who.id, who.kind)  # type: ignore[arg-type]

    async def commit(self, what: str, sent: Sequence[Sent]) -> None:
        """Hands a batch of links or orders to the router, as its consumer would."""
        records = [Record(each.topic, each.partition, each.offset, b"", each.value, {}, NOW) for each in sent]
        await self.batches[what].commit(records)

    async def call(self, who: Account, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.client.request(method, path, json=body, headers=self._headers[who.name])

    async def step(self, worker: str) -> bool:
        """One step of a worker; answers whether there may be more at once."""
        return bool(await self.workers[worker].step())

    async def idle(self) -> bool:
        """Whether the workers come to an end."""
        for worker in self.workers:
            for _ in range(MOST_STEPS):
                if not await self.step(worker):
                    break
            else:
                return False
        return True

    async def snapshot(self, after: int) -> Body:
        """What lies in the database, of the outbox what was added after an id."""
        async with self.database.transaction() as connection:
            values = {"after": after, "topic": ASSIGNMENTS}
            found = json.loads((await connection.execute(_SNAPSHOT, values)).scalar_one())
        return {
            name: each or [] if name not in ("letters", "unsettled") else each for name, each in found.items()
        }

    async def next_day(self) -> None:
        """It is tomorrow: today's counts are yesterday's."""
        async with self.database.transaction() as connection:
            await connection.execute(_A_DAY_LATER)

    async def a_day_passes(self) -> None:
        """What is asked of orders was asked 24 hours ago."""
        async with self.database.transaction() as connection:
            await connection.execute(_OVERDUE)

    async def save_older(self, key: Key, part: str) -> bool:
        """Saves an order under a version that is older in one part; answers whether that was held off."""
        try:
            async with self.database.transaction() as connection:
                [order] = (await self.store.claim_existing(connection, [key])).values()
                older = "" if part == "topic" else getattr(order.version, part) - 1
                version = order.version._replace(**{part: older})
                await self.store.save(connection, [replace(order, version=version)])
        except RuntimeError:
            return True
        return False


@asynccontextmanager
async def serving(url: str, tokens: Tokens, package: str = "order_router") -> AsyncIterator[Service]:
    """The router in this package on a database, put together as ever; Kafka is not asked for anything."""
    app, handlers, worker, store = (
        importlib.import_module(f"{package}.{name}") for name in ("app", "handlers", "worker", "store.orders")
    )
    settings = {"database_url": url, "kafka_bootstrap_servers": "127.0.0.1:9", "integration_url": NOBODY}
    api = app.build(app.Settings(**settings))
    database, metrics = api.state.parts.database, Metrics(package)
    relay = Relay(database, "127.0.0.1:9", metrics)

    def batches(handle: Any) -> Batches:
        return Batches(database, handle, dead_letter_topic=DEAD, metrics=metrics, committed=relay.nudge)

    service = Service(
        client=httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://test"),
        database=database,
        batches={
            "links": batches(handlers.on_links),
            "orders": batches(handlers.OrderHandler(ASSIGNMENTS, timedelta(days=7)).on_orders),
        },
        workers={
            "follower": worker.LinkFollower(database, relay, ASSIGNMENTS),
            "lapser": worker.Lapser(database, relay, ASSIGNMENTS),
        },
        store=store,
        tokens=tokens,
    )
    try:
        yield service
    finally:
        await service.client.aclose()
        await database.close()

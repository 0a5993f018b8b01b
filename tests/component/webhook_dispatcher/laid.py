"""Deliveries laid straight into a dispatcher's database, and its API, which reads them; nothing else runs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from cryptography.fernet import Fernet
from fastapi import FastAPI
from sqlalchemy import text

from shared.contracts.identifiers import AccountKind
from shared.database import Database, asyncpg_url
from tests.builders import SHOP, THREEPL, account_id
from tests.conftest import MakeDatabase
from tests.harness import NOBODY, Tokens
from webhook_dispatcher.app import Settings, build
from webhook_dispatcher.endpoints import endpoint_id

OPERATOR = account_id("operator", 1)
OTHER_SHOP, OTHER_THREEPL = account_id("shop", 2), account_id("threepl", 2)
URL = "https://example.com/webhooks"
NOW = datetime.now(UTC).replace(microsecond=0)

_LINKS = "INSERT INTO links (id, shop_id, threepl_id, version) VALUES (:id, :shop_id, :threepl_id, 1)"
_ENDPOINTS = "INSERT INTO endpoints (id, link_id, url, secret) VALUES (:id, :link_id, :url, '')"


@dataclass(frozen=True, slots=True)
class LaidLink:
    """A link with one endpoint."""

    id: str = "link-1"
    shop_id: str | None = SHOP
    threepl_id: str = THREEPL

    @property
    def endpoint_id(self) -> str:
        return endpoint_id(self.id, URL)


@dataclass(frozen=True, slots=True)
class LaidDelivery:
    """A delivery of a link, in the queue while it waits, else in the log."""

    place: int
    link: LaidLink = LaidLink()
    status: str = "waiting"
    order_id: str | None = "1001"
    type: str = "order.created"
    event_time: datetime = NOW
    attempts: int = 0

    @property
    def id(self) -> str:
        return f"msg_{self.place}"

    def row(self) -> dict[str, Any]:
        return {
            "id": self.place,
            "webhook_id": self.id,
            "endpoint_id": self.link.endpoint_id,
            "link_id": self.link.id,
            "threepl_id": self.link.threepl_id,
            "shop_id": self.link.shop_id or "",
            "order_id": self.order_id,
            "sequence": 1,
            "type": self.type,
            "event_time": self.event_time,
            "day": self.event_time.astimezone(UTC).date(),
            "settings_version": 1,
            "body": b'{"type": "it"}',
            "attempts": self.attempts,
            "failures": self.attempts,
            "created_at": self.event_time,
        }


@dataclass
class Laid:
    """A database with deliveries, and who reads them."""

    app: FastAPI
    client: httpx.AsyncClient
    database: Database
    tokens: Tokens

    async def link(self, *links: LaidLink) -> None:
        """Makes links, each with its endpoint."""
        for link in links:
            await self.execute(_LINKS, id=link.id, shop_id=link.shop_id, threepl_id=link.threepl_id)
            await self.execute(_ENDPOINTS, id=link.endpoint_id, link_id=link.id, url=URL)

    async def lay(self, *deliveries: LaidDelivery, **columns: Any) -> None:
        """Stores deliveries, with more columns of the queue's or the log's that hold for all of them."""
        for delivery in deliveries:
            queued = delivery.status == "waiting"
            own = {"behind": False} if queued else {"status": delivery.status, "finished_at": NOW}
            await self._insert("deliveries" if queued else "finished", {**delivery.row(), **own, **columns})

    async def attempt(
        self, delivery: LaidDelivery, number: int, started_at: datetime, **columns: Any
    ) -> None:
        """Stores an attempt that didn't end its delivery."""
        row = {
            "delivery_id": delivery.place,
            "day": delivery.event_time.astimezone(UTC).date(),
            "number": number,
            "endpoint_id": delivery.link.endpoint_id,
            "started_at": started_at,
            "duration_ms": 100,
            "outcome": "failed",
            "status": 503,
            "error": None,
            "answer": b"busy",
            **columns,
        }
        await self._insert("attempts", row)

    async def _insert(self, table: str, row: dict[str, Any]) -> None:
        numbered = "OVERRIDING SYSTEM VALUE" if table == "deliveries" else ""
        values = ", ".join(f":{name}" for name in row)
        await self.execute(f"INSERT INTO {table} ({', '.join(row)}) {numbered} VALUES ({values})", **row)

    async def execute(self, statement: str, **values: Any) -> None:
        """Changes rows by hand."""
        async with self.database.transaction() as connection:
            await connection.execute(text(statement), values)

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """What the database answers."""
        async with self.database.transaction() as connection:
            return list(await connection.execute(text(query), values))

    def headers(self, who: str, **claims: Any) -> dict[str, str]:
        kinds: Mapping[str, AccountKind] = {"S": "shop", "T": "threepl", "O": "operator"}
        return self.tokens.headers(who, kinds[who[0]], **claims)

    async def ask(
        self,
        path: str,
        who: str = THREEPL,
        claims: Mapping[str, Any] | None = None,
        *,
        method: str = "GET",
        **given: Any,
    ) -> httpx.Response:
        return await self.client.request(method, path, headers=self.headers(who, **(claims or {})), **given)

    async def get(
        self, path: str, who: str = THREEPL, claims: Mapping[str, Any] | None = None, **query: Any
    ) -> Any:
        """The answer's document, which must be a good one."""
        answer = await self.ask(path, who, claims, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def all_pages(
        self, who: str = THREEPL, claims: Mapping[str, Any] | None = None, *, limit: int = 200, **query: Any
    ) -> list[list[str]]:
        """The ids of the deliveries of each page."""
        pages: list[list[str]] = []
        while True:
            page = await self.get("/deliveries", who, claims, limit=limit, **query)
            pages.append([each["id"] for each in page["deliveries"]])
            if page["next_cursor"] is None:
                return pages
            query["cursor"] = page["next_cursor"]


@asynccontextmanager
async def laying(make_database: MakeDatabase) -> AsyncIterator[Laid]:
    """An API on a fresh database."""
    url, tokens = make_database("webhook_dispatcher"), Tokens()
    await tokens.trust(url)
    settings = {
        "database_url": url,
        "kafka_bootstrap_servers": "127.0.0.1:9",
        "integration_url": NOBODY,
        "encryption_keys": Fernet.generate_key().decode(),
    }
    app = build(Settings.model_validate(settings))
    database = Database(asyncpg_url(url))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Laid(app, client, database, tokens)
    await database.close()
    await app.state.parts.database.close()

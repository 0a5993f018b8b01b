"""Orders laid straight into a router's database, and its API, which reads them; nothing else of it runs."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from order_router.app import Settings, build
from order_router.lifecycle import Circumstances, apply_event
from order_router.orders import Holding, Outcome, StoredOrder, Version, holding_under
from order_router.sources import OrderEvent
from order_router.store import history, links
from order_router.store import orders as order_store
from shared.contracts import orders
from shared.contracts.identifiers import AccountKind
from shared.contracts.links import Link
from shared.database import Database, asyncpg_url
from tests.builders import NOW, SHOP, account_id, order
from tests.conftest import MakeDatabase
from tests.harness import NOBODY, Tokens

CREATED = text(
    """
    UPDATE orders SET created_at = laid.at
    FROM unnest(CAST(:shop_ids AS text[]), CAST(:order_ids AS text[]), CAST(:ats AS timestamptz[]))
        AS laid (shop_id, order_id, at)
    WHERE orders.shop_id = laid.shop_id AND orders.order_id = laid.order_id
    """
)


@dataclass
class Reading:
    """A database with orders, and who reads them."""

    app: FastAPI
    client: httpx.AsyncClient
    database: Database
    tokens: Tokens
    links: dict[str, Link] = field(default_factory=dict)

    async def lay(self, *outcomes: Outcome, at: datetime = NOW, apart: timedelta = timedelta(0)) -> None:
        """Stores orders with their history, the first as created at this moment, each so much later."""
        keys = [(each.order.shop_id, each.order.order_id) for each in outcomes]
        ats = [at + place * apart for place in range(len(keys))]
        async with self.database.transaction() as connection:
            await order_store.claim(connection, keys)
            await order_store.save(connection, [each.order for each in outcomes])
            await history.add(connection, outcomes, at)
            shop_ids, order_ids = zip(*keys, strict=True)
            await connection.execute(
                CREATED, {"shop_ids": list(shop_ids), "order_ids": list(order_ids), "ats": ats}
            )

    async def link(self, *changed: Link) -> None:
        """What the router knows of these links from now on."""
        self.links |= {link.id: link for link in changed}
        async with self.database.transaction() as connection:
            await links.apply(connection, changed)

    async def execute(self, statement: str, **values: Any) -> None:
        """Changes rows by hand."""
        async with self.database.transaction() as connection:
            await connection.execute(text(statement), values)

    def headers(self, who: str, **claims: Any) -> dict[str, str]:
        kinds: Mapping[str, AccountKind] = {"S": "shop", "T": "threepl", "O": "operator"}
        return self.tokens.headers(who, kinds[who[0]], **claims)

    async def get(self, path: str, who: str, claims: Mapping[str, Any] | None = None, **query: Any) -> Any:
        """The answer's document, which must be a good one."""
        answer = await self.ask(path, who, claims, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ask(
        self, path: str, who: str, claims: Mapping[str, Any] | None = None, **query: Any
    ) -> httpx.Response:
        return await self.client.get(path, headers=self.headers(who, **(claims or {})), params=query)

    async def all_pages(
        self, who: str, limit: int, claims: Mapping[str, Any] | None = None, **query: Any
    ) -> list[dict[str, Any]]:
        """The orders of all pages, one after the other; none is longer than the limit."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.get("/orders", who, claims, limit=limit, **query, **cursor)
            assert len(page["orders"]) <= limit
            found += page["orders"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}


OPERATOR = account_id("operator", 1)
OTHER_SHOP, OTHER_THREEPL = account_id("shop", 2), account_id("threepl", 2)


@asynccontextmanager
async def reading(make_database: MakeDatabase) -> AsyncIterator[Reading]:
    """An API on a fresh database."""
    url, tokens = make_database("order_router"), Tokens()
    await tokens.trust(url)
    app = build(
        Settings(
            database_url=url, kafka_bootstrap_servers="127.0.0.1:9", topic_prefix="", integration_url=NOBODY
        )
    )
    database = Database(asyncpg_url(url))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Reading(app, client, database, tokens)
    await database.close()
    await app.state.parts.database.close()


def arrived(
    order_id: str = "1001", *known: Link, shop: str = SHOP, cancelled: bool = False, **document: Any
) -> Outcome:
    """What the router makes of a first event of an order of a shop with these links."""
    read = orders.read(order(order_id, **document), shop)
    event = OrderEvent(read, cancelled, NOW)
    circumstances = Circumstances({link.id: link for link in known}, {}, NOW, timedelta(days=7))
    new = StoredOrder(shop, order_id)
    return apply_event(new, event, Version(1, "orders.created", 0, 0), circumstances)


def having(outcome: Outcome, **changes: Any) -> Outcome:
    """The same with an order that stands otherwise."""
    return replace(outcome, order=replace(outcome.order, **changes))


def under(link: Link, epoch: int | None = None) -> Holding:
    """Held under a link as it is, or as it was at an epoch."""
    holding = holding_under(link)
    return holding if epoch is None else replace(holding, epoch=epoch)


def json_lines(content: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]

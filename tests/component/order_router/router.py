"""An order-router run in the test's own process, and what its topics and its API say."""

import contextlib
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import text

from order_router.app import Settings, build
from shared.contracts.assignments import ASSIGNED
from shared.database import Database, asyncpg_url
from tests.builders import SHOP, account_id
from tests.harness import NOBODY, Tokens, events, follow, publish, running, until
from tests.servers import Servers

OF_ASSIGNMENTS = "com.orderdock.assignment."


@dataclass
class Router:
    """A router with topics and a database of its own; `start` may be called again after it stopped."""

    servers: Servers
    prefix: str
    database_url: str
    tokens: Tokens

    def start(self, **settings: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        """Runs it, with other settings if need be."""
        given = Settings(
            database_url=self.database_url,
            kafka_bootstrap_servers=self.servers.bootstrap_servers,
            topic_prefix=self.prefix,
            integration_url=NOBODY,
            **settings,
        )
        return running(build(given))

    async def publish(self, *messages: tuple[str, str, bytes | None]) -> None:
        ready = [(self.prefix + topic, key.encode(), value) for topic, key, value in messages]
        await publish(self.servers.bootstrap_servers, *ready)

    async def assignments(self) -> list[dict[str, Any]]:
        """Every event of an order's assignment."""
        return await self._events(OF_ASSIGNMENTS)

    async def shipments(self) -> list[dict[str, Any]]:
        """Every shipment."""
        return await self._events("com.orderdock.shipment.")

    async def execute(self, statement: str) -> None:
        """Changes rows of the router's database, as time would."""
        database = Database(asyncpg_url(self.database_url))
        async with database.transaction() as connection:
            await connection.execute(text(statement))
        await database.close()

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """What a query of the router's database finds."""
        database = Database(asyncpg_url(self.database_url))
        async with database.transaction() as connection:
            found = [dict(row) for row in (await connection.execute(text(query))).mappings()]
        await database.close()
        return found

    async def assigned(self, order_id: str) -> dict[str, Any]:
        """The event that assigned an order, once it is on `assignments`."""
        async with contextlib.aclosing(self._follow()) as topic:
            async for event in topic:
                if event["type"] == ASSIGNED and event["data"]["order_id"] == order_id:
                    return dict(event["data"])
        raise AssertionError("the topic ended")

    def _follow(self) -> AsyncGenerator[dict[str, Any]]:
        return follow(self.servers.bootstrap_servers, self.prefix + "assignments")

    async def _events(self, of_type: str) -> list[dict[str, Any]]:
        said = await events(self.servers.bootstrap_servers, self.prefix + "assignments")
        return [
            {"type": event["type"].removeprefix(of_type), **event["data"]}
            for event in said
            if event["type"].startswith(of_type)
        ]

    async def said(self, count: int) -> list[dict[str, Any]]:
        """The first assignment events, once there are so many."""
        said: list[dict[str, Any]] = []
        async with contextlib.aclosing(self._follow()) as topic:
            async for event in topic:
                if event["type"].startswith(OF_ASSIGNMENTS):
                    said.append({"type": event["type"].removeprefix(OF_ASSIGNMENTS), **event["data"]})
                if len(said) == count:
                    return said
        raise AssertionError(f"there are {len(said)} assignment events, {count} were to come")

    async def order(self, client: httpx.AsyncClient, order_id: str) -> dict[str, Any]:
        """What the API says of an order, once the router has it."""
        headers = self.tokens.headers(account_id("operator", 1), "operator")

        async def found() -> dict[str, Any] | None:
            answer = await client.get(f"/orders/{SHOP}/{order_id}", headers=headers)
            return answer.json() if answer.status_code == 200 else None

        return dict(await until(f"order {order_id} is known", found))

"""A dispatcher with a database and topics of its own, and a real HTTP receiver on loopback."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web
from cryptography.fernet import Fernet
from sqlalchemy import text

from shared.contracts.assignments import ASSIGNED, UPDATED, Assignment
from shared.database import Database, asyncpg_url
from tests.builders import account_id, assignment, assignment_message, link_message
from tests.conftest import MakeDatabase
from tests.harness import NOBODY, Tokens, events, publish, running, until
from tests.servers import Servers
from webhook_dispatcher.app import Settings, build

KEY = Fernet.generate_key().decode()


@dataclass(frozen=True)
class Received:
    """One webhook as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, Any]:
        said: dict[str, Any] = httpx.Response(200, content=self.body).json()
        return said


@dataclass
class Receiver:
    """Keeps what comes; answers what `answers` says for a path, one after the other, then 200.

    While `closed` is clear, answers to `/slow` wait.
    """

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: dict[str, deque[web.Response]] = field(default_factory=dict)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def will_answer(self, path: str, *statuses: int, **headers: str) -> None:
        """Answers the next webhooks at a path with these."""
        given = (web.Response(status=status, headers=headers, text=f"says {status}") for status in statuses)
        self.answers.setdefault(path, deque()).extend(given)

    async def on_webhook(self, request: web.Request) -> web.Response:
        self.received.append(Received(request.path, dict(request.headers), await request.read()))
        if request.path == "/slow":
            await self.open.wait()
        planned = self.answers.get(request.path)
        return planned.popleft() if planned else web.Response(text="thank you")

    async def got(self, count: int, path: str | None = None) -> list[Received]:
        """What came (at a path), once it is so many."""

        async def enough() -> list[Received]:
            found = [each for each in self.received if path in (None, each.path)]
            return found if len(found) >= count else []

        return list(await until(f"{count} webhooks at {path or 'any path'}", enough))


@dataclass
class World:
    """A dispatcher that `start` runs, as often as it is called, and what it reads, writes and calls."""

    servers: Servers
    prefix: str
    database_url: str
    tokens: Tokens
    receiver: Receiver

    def settings(self, **changes: Any) -> Settings:
        given: dict[str, Any] = {
            "database_url": self.database_url,
            "kafka_bootstrap_servers": self.servers.bootstrap_servers,
            "topic_prefix": self.prefix,
            "integration_url": NOBODY,
            "encryption_keys": KEY,
            "allowed_networks": "127.0.0.0/8",
            "allow_http": True,
            "retry_schedule": "0.1,0.1,0.1",
            "request_deadline": 5,
        }
        return Settings(**{**given, **changes})

    def start(self, **changes: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        return running(build(self.settings(**changes)))

    def held(
        self, order_id: str = "1001", sequence: int = 1, path: str | None = "/", **changes: Any
    ) -> Assignment:
        """An assignment whose webhooks go to the receiver's path, or nowhere."""
        url = None if path is None else self.receiver.url + path
        return assignment(order_id, sequence, **{"settings": {"webhook_url": url}, **changes})

    async def assign(self, *held: Assignment) -> None:
        """Publishes assignment events: the first of an order says assigned, the others updated."""
        await publish(
            self.servers.bootstrap_servers,
            *(
                (
                    self.prefix + "assignments",
                    f"{each.shop_id}/{each.order_id}".encode(),
                    assignment_message(each, ASSIGNED if each.sequence == 1 else UPDATED),
                )
                for each in held
            ),
        )

    async def link(self, **changes: Any) -> None:
        """Publishes a state of link-1."""
        await self.publish("links", "link-1", link_message(**changes))

    async def publish(self, topic: str, key: str, value: bytes) -> None:
        await publish(self.servers.bootstrap_servers, (self.prefix + topic, key.encode(), value))

    def threepl(self, number: int = 1, **claims: Any) -> dict[str, str]:
        return self.tokens.headers(account_id("threepl", number), "threepl", **claims)

    async def deliveries(self, client: httpx.AsyncClient, **filters: Any) -> list[dict[str, Any]]:
        """The 3PL's deliveries, the oldest first."""
        answer = await client.get("/deliveries", headers=self.threepl(), params={"limit": 200, **filters})
        assert answer.status_code == 200, answer.text
        return list(reversed(answer.json()["deliveries"]))

    async def ended(self, client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
        """The deliveries, once so many wait no longer."""

        async def enough() -> list[dict[str, Any]]:
            found = [each for each in await self.deliveries(client) if each["status"] != "waiting"]
            return found if len(found) >= count else []

        return list(await until(f"{count} deliveries ended", enough))

    async def detail(self, client: httpx.AsyncClient, delivery_id: str) -> dict[str, Any]:
        answer = await client.get(f"/deliveries/{delivery_id}", headers=self.threepl())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def endpoints(self, client: httpx.AsyncClient) -> list[dict[str, Any]]:
        answer = await client.get("/endpoints", headers=self.threepl())
        assert answer.status_code == 200, answer.text
        return list(answer.json()["endpoints"])

    async def secret(self, client: httpx.AsyncClient, endpoint_id: str) -> str:
        answer = await client.get(f"/endpoints/{endpoint_id}/secret", headers=self.threepl())
        assert answer.status_code == 200, answer.text
        return str(answer.json()["secret"])

    async def announced(self, count: int) -> list[dict[str, Any]]:
        """The events on `deliveries`, once there are so many."""

        async def enough() -> list[dict[str, Any]]:
            said = await events(self.servers.bootstrap_servers, self.prefix + "deliveries")
            return said if len(said) >= count else []

        return list(await until(f"{count} events on deliveries", enough))

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """What the database answers."""
        database = Database(asyncpg_url(self.database_url))
        async with database.transaction() as connection:
            rows = list(await connection.execute(text(query), values))
        await database.close()
        return rows


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[None]:
    """Serves a receiver on loopback."""
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.on_webhook)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield
    receiver.open.set()
    await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with receiving(receiver):
        yield receiver


@pytest.fixture
async def world(servers: Servers, prefix: str, make_database: MakeDatabase, receiver: Receiver) -> World:
    tokens = Tokens()
    database_url = make_database("webhook_dispatcher")
    await tokens.trust(database_url)
    return World(servers, prefix, database_url, tokens, receiver)

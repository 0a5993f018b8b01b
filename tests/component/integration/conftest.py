"""The integration service, running, with an operator who can make accounts."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from integration import operators
from integration.app import Settings, build
from integration.tokens import Tokens
from shared.contracts.callers import Caller, Role
from shared.contracts.identifiers import AccountKind
from tests.conftest import MakeDatabase, Servers
from tests.harness import running

# Nobody takes mail there; tests that read it have a server of their own.
MAIL = {
    "smtp_url": "smtp://127.0.0.1:9",
    "mail_from": "Orderdock <orderdock@orderdock.example>",
    "console_url": "https://console.orderdock.example",
}
KEY = Fernet.generate_key().decode()


@dataclass(frozen=True)
class Person:
    """An account with a token of its own."""

    client: httpx.AsyncClient
    id: str
    email: str
    token: str

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return await self.client.request(method, path, json=body, headers=headers, **more)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.call("GET", path, params=query)

    async def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.call("POST", path, body, **more)

    async def put(self, path: str, body: Any, **more: Any) -> httpx.Response:
        return await self.call("PUT", path, body, **more)

    async def delete(self, path: str, **more: Any) -> httpx.Response:
        return await self.call("DELETE", path, **more)


async def token(client: httpx.AsyncClient, key: dict[str, Any], **form: str) -> str:
    """An access token for an API key as the API showed it."""
    whole = {"grant_type": "client_credentials", "client_id": key["id"], "client_secret": key["secret"]}
    answer = await client.post("/oauth/token", data={**whole, **form})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


class World:
    """The running service and how accounts come into it."""

    def __init__(self, client: httpx.AsyncClient, operator: Person, tokens: Tokens) -> None:
        self.client = client
        self.operator = operator
        self._tokens = tokens
        self._numbers = itertools.count(1)

    async def account(self, kind: AccountKind, plan: str = "conquer") -> Person:
        """A new account and a token of its administrator."""
        email = f"{kind}{next(self._numbers)}@example.com"
        new = {"kind": kind, "email": email, "name": f"The {kind}", "plan": plan}
        made = (await self.operator.post("/accounts", new)).json()
        key = await self.operator.post(
            f"/accounts/{made['id']}/api-keys", {"name": "all", "scopes": ["read", "write"]}
        )
        return Person(self.client, made["id"], email, await token(self.client, key.json()))

    async def in_role(self, role: Role, of: Person, kind: AccountKind) -> Person:
        """Somebody who holds only this role in the account."""
        caller = Caller(
            account=of.id,
            kind=kind,
            subject=f"person_{role}",
            roles=frozenset({role}),
            scopes=frozenset({"read", "write"}),
        )
        return Person(self.client, of.id, of.email, await self._tokens.issue(caller))

    async def pair(self) -> tuple[Person, Person]:
        """A shop and a 3PL that may link."""
        return await self.account("shop"), await self.account("threepl")


@pytest.fixture
def settings(servers: Servers, make_database: MakeDatabase, prefix: str) -> Settings:
    whole = {
        "DATABASE_URL": make_database("integration"),
        "KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
        "topic_prefix": prefix,
        "encryption_keys": KEY,
        **MAIL,
    }
    return Settings.model_validate(whole)


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    app = build(settings)
    async with running(app) as client:
        key = await operators.create(settings, "operator@example.com")
        signed = await token(client, key.model_dump())
        operator = Person(client, key.account_id, "operator@example.com", signed)
        yield World(client, operator, app.state.parts.tokens)

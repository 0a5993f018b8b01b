"""The integration service, running, with an operator who can make accounts."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from deploy.local import mail
from deploy.local.mailbox import Mailbox
from deploy.local.ports import LOOPBACK, free_port
from integration import operators
from integration.app import Settings, build
from integration.tokens import Tokens
from shared.contracts.callers import Caller, Role
from shared.contracts.identifiers import AccountKind
from tests.conftest import MakeDatabase
from tests.harness import running, until
from tests.servers import Servers

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


def kind_of(answer: httpx.Response) -> str:
    """The name of the problem that was answered."""
    return str(answer.json()["type"]).rpartition("/")[2]


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
        return await self.program(made["id"], email)

    async def program(self, account: str, email: str) -> Person:
        """A token of a new API key of the account."""
        new = {"name": "all", "scopes": ["read", "write"]}
        key = await self.operator.post(f"/accounts/{account}/api-keys", new)
        return Person(self.client, account, email, await token(self.client, key.json()))

    async def person(self, account: Person, email: str, *roles: Role, **more: Any) -> dict[str, Any]:
        """A new person of the account, who has chosen no password yet."""
        new = {"email": email, "name": "Ada", "roles": roles or ("manager",), **more}
        made = await account.post(f"/accounts/{account.id}/people", new)
        assert made.status_code == 201, made.text
        return dict(made.json())

    async def sign_in(self, kind: AccountKind, email: str, password: str) -> httpx.Response:
        body = {"kind": kind, "email": email, "password": password}
        return await self.client.post("/sessions", json=body)

    async def in_role(self, role: Role, of: Person, kind: AccountKind) -> Person:
        """Somebody who holds only this role in the account."""
        caller = Caller(
            account=of.id,
            kind=kind,
            subject=f"person_{role}",
            roles=frozenset({role}),
            scopes=frozenset({"read", "write"}),
        )
        return await self.claiming(caller, of.email)

    async def claiming(self, caller: Caller, email: str = "") -> Person:
        """Somebody whose token claims this."""
        return Person(self.client, caller.account, email, await self._tokens.issue(caller))

    async def pair(self) -> tuple[Person, Person]:
        """A shop and a 3PL that may link."""
        return await self.account("shop"), await self.account("threepl")


@dataclass(frozen=True)
class Letter:
    """A mail that arrived, and the one-time token in it."""

    subject: str
    text: str

    @property
    def token(self) -> str:
        return self.text.partition("#")[2].split()[0]


class Post:
    """The mails that a real SMTP server took."""

    def __init__(self, box: Mailbox) -> None:
        self.smtp_url = box.smtp_url
        self._folder = box.folder

    async def letters(self, to: str, number: int = 1) -> list[Letter]:
        """At least so many mails to an address, newest first, once they are there."""

        async def arrived() -> list[Letter]:
            found = [Letter(each.subject, each.text) for each in mail.read(self._folder, to)]
            return found if len(found) >= number else []

        letters: list[Letter] = await until(f"{number} mails to {to}", arrived)
        return letters

    async def latest(self, to: str, number: int = 1) -> Letter:
        """The newest of at least so many mails to an address."""
        return (await self.letters(to, number))[0]


@pytest.fixture
async def post(settings: Settings, tmp_path: Path) -> AsyncIterator[Post]:
    """A mail server that the service of this test uses; ask for it before `world`."""
    smtp_port = int(settings.smtp_url.rpartition(":")[2])
    box = Mailbox(tmp_path / "mail", smtp_port=smtp_port, page_port=free_port(taken=frozenset({smtp_port})))
    await box.start()
    yield Post(box)
    await box.stop()


def settings_of(servers: Servers, make_database: MakeDatabase, prefix: str, **more: Any) -> Settings:
    """Settings with a database of their own."""
    whole = {
        "DATABASE_URL": make_database("integration"),
        "KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
        "topic_prefix": prefix,
        "encryption_keys": KEY,
        **MAIL,
        # Nobody takes mail there but `post`, in tests that ask for it.
        "smtp_url": f"smtp://{LOOPBACK}:{free_port()}",
        "finds_per_hour": 10_000,
        "mails_per_hour": 3,
        "sign_ins_per_quarter": 5,
        **more,
    }
    return Settings.model_validate(whole)


@pytest.fixture
def settings(servers: Servers, make_database: MakeDatabase, prefix: str) -> Settings:
    return settings_of(servers, make_database, prefix)


async def world_of(settings: Settings, client: httpx.AsyncClient, tokens: Tokens) -> World:
    """The running service that this client reaches, with its first operator."""
    key = await operators.create(settings, "operator@example.com")
    operator = Person(client, key.account_id, "operator@example.com", await token(client, key.model_dump()))
    return World(client, operator, tokens)


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    app = build(settings)
    async with running(app) as client:
        yield await world_of(settings, client, app.state.parts.tokens)

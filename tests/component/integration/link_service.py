"""The integration service as a test of many acts drives it: accounts at once, limits out of the way."""

import itertools
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer
from sqlalchemy import text

from integration.accounts import Account, Plan
from integration.api.parts import Parts
from integration.app import Settings, build
from integration.lifecycle import LIFE, Life
from integration.mails import Mail
from shared.contracts.callers import Caller
from shared.contracts.identifiers import AccountKind
from tests.builders import account, account_id
from tests.component.integration.conftest import Person
from tests.harness import PATIENCE, running

# Two sides of two, each on a plan that may link.
ACCOUNTS: tuple[tuple[str, AccountKind, Plan], ...] = (
    ("shop 1", "shop", "grow"),
    ("shop 2", "shop", "conquer"),
    ("threepl 1", "threepl", "conquer"),
    ("threepl 2", "threepl", "conquer"),
)
SUBJECT = "key_1"
UNLIMITED = dict.fromkeys(("finds_per_hour", "mails_per_hour", "redeems_per_hour"), 10**6)

_ADD = text(
    "INSERT INTO accounts (id, kind, email, name, plan, language, created_at)"
    " VALUES (:id, :kind, :email, :name, :plan, :language, :created_at)"
)
_INVITATION = text("SELECT id FROM invitations WHERE link_id = :link_id")
# A token is read out of its mail once, and the mail with it taken out of the queue.
_MAIL = text("DELETE FROM mails WHERE recipient = :email RETURNING id, recipient, content")
_EXPIRE = text("UPDATE invitations SET expires_at = now() - interval '1 second' WHERE id = :id")


@dataclass
class Service:
    """The running service; `counts` is what was done to it."""

    client: httpx.AsyncClient
    parts: Parts
    topic: AIOKafkaConsumer
    operator: Account
    counts: Counter[str] = field(default_factory=Counter)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _announced: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    async def people(self) -> list[tuple[Account, Person]]:
        """An administrator of each of four new accounts, straight into the database, and the operator."""
        number = next(self._numbers)
        new = [
            account(
                kind,
                id=account_id(kind, 4 * number + place),
                name=name,
                email=f"{place}-{number}@x.example",
                plan=plan,
            )
            for place, (name, kind, plan) in enumerate(ACCOUNTS)
        ]
        async with self.parts.database.transaction() as connection:
            await connection.execute(_ADD, [each.model_dump() for each in new])
        return [(each, await self._person(each)) for each in (*new, self.operator)]

    async def _person(self, account: Account) -> Person:
        caller = Caller(
            account=account.id,
            kind=account.kind,
            subject=SUBJECT,
            roles=frozenset({"administrator"}),
            scopes=frozenset({"read", "write"}),
        )
        return Person(self.client, account.id, account.email, await self.parts.tokens.issue(caller))

    async def invitation(self, link_id: str, email: str) -> tuple[str, str]:
        """The id of the link's invitation, and the token in the mail that was just written for it."""
        async with self.parts.database.transaction() as connection:
            invitation_id = (await connection.execute(_INVITATION, {"link_id": link_id})).scalar_one()
            row = (await connection.execute(_MAIL, {"email": email})).one()
        mail = Mail.read(row.id, row.recipient, self.parts.ring.decrypt(row.content))
        token = re.search(r"#(\S+)", mail.text)
        assert token is not None
        return invitation_id, token[1]

    async def expire(self, invitation_id: str) -> None:
        """Lets the 72 hours of an invitation be over."""
        async with self.parts.database.transaction() as connection:
            await connection.execute(_EXPIRE, {"id": invitation_id})

    async def announced(self, link_id: str, count: int) -> list[dict[str, Any]]:
        """What lies on the topic of a link, in its order, once there are so many or patience ends."""
        deadline = time.monotonic() + PATIENCE / 2
        while len(self._announced[link_id]) < count and time.monotonic() < deadline:
            for records in (await self.topic.getmany(timeout_ms=500)).values():
                for record in records:
                    self._announced[record.key.decode()].append(json.loads(record.value)["data"])
        return self._announced[link_id]


@asynccontextmanager
async def serving(settings: Settings, life: Life = LIFE) -> AsyncIterator[Service]:
    """The service of these settings by this table of the life cycle; nobody sends its mails."""
    app = build(settings.model_copy(update=UNLIMITED))
    app.state.parts = replace(app.state.parts, life=life, post=lambda: None)
    topic = AIOKafkaConsumer(
        app.state.parts.links_topic,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
    )
    async with running(app) as client:
        await topic.start()
        try:
            operator = account("operator", name="operator")
            async with app.state.parts.database.transaction() as connection:
                await connection.execute(_ADD, operator.model_dump())
            yield Service(client, app.state.parts, topic, operator)
        finally:
            await topic.stop()

"""A running service to be called with anything, and what a call may name that is really there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx
from fastapi import FastAPI

from integration.app import Settings
from shared.contracts.callers import Caller, Role
from shared.contracts.identifiers import AccountKind
from shared.contracts.links import Side
from shared.database import Database
from tests.component.integration.conftest import World, world_of
from tests.component.integration.served import Served
from tests.component.integration.snapshots import Snapshot
from tests.component.integration.tenants import PASSWORD, Tenants, settle

Known = Mapping[str, Sequence[Any]]

NOBODY, LIMITED = "nobody", "somebody limited to a client"
WHO: dict[str, tuple[AccountKind, Role]] = {
    NOBODY: ("operator", "support"),
    "an operator": ("operator", "administrator"),
    "a shop": ("shop", "administrator"),
    "a 3PL": ("threepl", "administrator"),
    "a manager": ("threepl", "manager"),
    "warehouse": ("threepl", "warehouse"),
    "support": ("shop", "support"),
    LIMITED: ("threepl", "manager"),
}


@dataclass
class Fuzzed:
    """The service with who and what is in it."""

    service: Served
    world: World
    tenants: Tenants
    snapshot: Snapshot
    document: Any

    @classmethod
    async def of(cls, service: Served, settings: Settings, app: FastAPI) -> Self:
        """The service with a shop and a 3PL that have everything an account can have."""
        client = httpx.AsyncClient(base_url=service.url, timeout=60)
        world = await world_of(settings, client, app.state.parts.tokens)
        database = Database(settings.database_url)
        tenants = await settle(world, database, settings.topic_prefix)
        document = (await client.get("/openapi.json")).json()
        return cls(service, world, tenants, await Snapshot.taken(database), document)

    async def close(self) -> None:
        await self.snapshot.database.close()
        await self.world.client.aclose()

    async def headers(self, who: str) -> dict[str, str]:
        """The header that says who calls, with a fresh token: a long run outlives one."""
        if who == NOBODY:
            return {}
        kind, role = WHO[who]
        account = self.world.operator if kind == "operator" else self.tenants.settled[kind]
        caller = Caller(
            account=account.id,
            kind=kind,
            subject=f"person_{role}",
            roles=frozenset({role}),
            scopes=frozenset({"read", "write"}),
            clients=frozenset({self.tenants.settled["shop"].id}) if who == LIMITED else None,
        )
        return {"Authorization": f"Bearer {(await self.world.claiming(caller)).token}"}

    def names(self, who: str) -> Sequence[Known]:
        """What there is, by whose it is: mostly the caller's own."""
        kind, _ = WHO[who]
        own = known(self.tenants, "shop" if kind == "operator" else kind)
        other = known(self.tenants, "threepl" if kind == "shop" else "shop")
        return own, own, own, other


def known(tenants: Tenants, side: Side) -> Known:
    """Of one side: what is there, and texts that are in order, by the field or parameter to hold them."""
    has, other = tenants.has[side], tenants.spare["threepl" if side == "shop" else "shop"]
    links = [secret for name, secret in tenants.secrets[side].items() if name.endswith("link")]
    shops = [tenants.settled["shop"].id, tenants.bare["shop"].id]
    return {
        # A letter's id is a number, so a path can hold a wrong one, which is to stay so.
        **{name: [value] for name, value in has.items() if name != "letter_id"},
        "link_id": [has["link_id"], *links],
        "invitation_id": [has["invitation_id"], has["withdrawn"]],
        "other_side": [other.id, tenants.settled["threepl" if side == "shop" else "shop"].id],
        "email": [has["account_email"], has["person_email"], other.email, f"new@{side}.example"],
        "clients": [shops, shops[:1], None],
        "token": [has["invitation_token"], has["password_token"]],
        "password": [PASSWORD, "another password"],
        "ids": [[int(has["letter_id"])], None],
        "client_id": [has["key_id"]],
        "client_secret": [has["key_secret"]],
        **_TEXTS,
    }


_TEXTS: Known = {
    "grant_type": ["client_credentials"],
    "scope": ["read", "read write"],
    "if-match": ["*", '"1"', '"4"'],
    "Idempotency-Key": ["key-1", "key-2"],
    "reason": ["no JSON", None],
    "name": ["Ada Lovelace", "Öl & Söhne 3PL"],
    "person_name": ["Ada Lovelace"],
    "text": ["verm", "client-4711", "ada & ' \\ :*"],
    "webhook_url": ["https://hooks.example.com/in", None],
    "client_reference": ["", "client-7"],
    "rules": [
        [],
        [{"conditions": [{"field": "sku", "operator": "in", "value": ["A", "B"]}]}],
        [{"conditions": [{"field": "total", "operator": "at_least", "value": "10.00", "currency": "EUR"}]}],
    ],
}

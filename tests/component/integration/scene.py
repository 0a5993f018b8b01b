"""The running service with a shop and a 3PL that have everything, and everybody who could call for that."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from integration.app import build
from shared.contracts.callers import Caller, Role
from shared.contracts.identifiers import AccountKind
from shared.contracts.links import Side
from shared.database import Database
from tests.component.integration.access import READS, ROLES, Row
from tests.component.integration.conftest import World, settings_of, world_of
from tests.component.integration.snapshots import Snapshot
from tests.component.integration.tenants import OFTEN, Tenants, settle
from tests.conftest import MakeDatabase, fresh_databases, fresh_topics
from tests.harness import running
from tests.servers import Servers

OTHER: dict[AccountKind, Side] = {"shop": "threepl", "threepl": "shop", "operator": "shop"}
BOTH = frozenset({"read", "write"})


@dataclass(frozen=True)
class Calling:
    """Somebody who calls, and the column of the table that says what they get."""

    column: str
    role: Role
    headers: Mapping[str, str]
    mine: str = "O-0000-0000"
    other_side: str = ""
    scopes: frozenset[str] = BOTH

    def expected(self, row: Row) -> int:
        """What the table says; a token without the scope is refused wherever a token is asked for."""
        scope = "read" if row.method in READS else "write"
        if scope not in self.scopes and not row.is_open:
            return 403
        return row.expected(self.column, self.role)


@dataclass(frozen=True)
class Scene:
    """The service with who and what is in it."""

    world: World
    tenants: Tenants
    snapshot: Snapshot

    def request(self, row: Row, by: Calling, things: Mapping[str, str]) -> dict[str, Any]:
        """The row's call, with these things in it, as httpx sends it."""
        whole = {**things, "mine": by.mine, "other_side": by.other_side}
        names = {**whole, **filled(row.given, whole)}
        return {
            "method": row.method,
            "url": row.path.format_map(names),
            "headers": dict(by.headers),
            "params": filled(row.query, names),
            "json": filled(row.body, names),
            "data": filled(row.form, names),
        }

    async def call(self, row: Row, by: Calling, things: Mapping[str, str]) -> httpx.Response:
        return await self.world.client.request(**self.request(row, by, things))

    async def callers(self, side: Side) -> list[Calling]:
        """Everybody who could call for a thing of the settled account of this side."""
        other, settled, bare = OTHER[side], self.tenants.settled, self.tenants.bare
        accounts: dict[str, tuple[str, AccountKind]] = {
            "own": (settled[side].id, side),
            "partner": (settled[other].id, other),
            "same": (bare[side].id, side),
            "other": (bare[other].id, other),
            "operator": (self.world.operator.id, "operator"),
        }
        found = [Calling("nobody", "administrator", {})]
        for column, account in accounts.items():
            found += [await self.calling(column, account, role) for role in ROLES]
        if side == "threepl":
            apart = frozenset({bare["shop"].id})
            found += [await self.calling("limited", accounts["own"], role, clients=apart) for role in ROLES]
        for column in ("own", "operator"):
            for scope in BOTH:
                scopes = frozenset({scope})
                found.append(await self.calling(column, accounts[column], "administrator", scopes=scopes))
        return found

    async def calling(
        self, column: str, account: tuple[str, AccountKind], role: Role, **claims: Any
    ) -> Calling:
        """Somebody of the account, by id and kind, in this role."""
        account_id, kind = account
        whole = {"scopes": BOTH, **claims}
        caller = Caller(
            account=account_id, kind=kind, subject=f"person_{role}", roles=frozenset({role}), **whole
        )
        headers = {"Authorization": f"Bearer {(await self.world.claiming(caller)).token}"}
        spare = self.tenants.spare[OTHER[kind]].id
        return Calling(column, role, headers, account_id, spare, whole["scopes"])


def filled(template: Any, things: Mapping[str, str]) -> Any:
    """What is sent, with the names of things in place of `{name}`."""
    if isinstance(template, str):
        return template.format_map(things)
    if isinstance(template, Mapping):
        return {name: filled(each, things) for name, each in template.items()}
    return template


@asynccontextmanager
async def scene_of(servers: Servers, template: MakeDatabase) -> AsyncIterator[Scene]:
    """The service, with no limits that hide what else an answer would be."""
    async with fresh_topics(servers) as prefix:
        with fresh_databases(servers, template) as make_database:
            settings = settings_of(servers, make_database, prefix, **OFTEN)
            app = build(settings)
            async with running(app) as client:
                world = await world_of(settings, client, app.state.parts.tokens)
                database = Database(settings.database_url)
                tenants = await settle(world, database, prefix)
                yield Scene(world, tenants, await Snapshot.taken(database))
                await database.close()

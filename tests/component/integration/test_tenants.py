"""Every route, called by everybody: who is let in, that nothing changes otherwise, and that nothing leaks."""

import uuid
from collections.abc import AsyncIterator, Iterator, Sequence

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import iter_route_contexts

from integration.app import Settings, build
from shared.contracts.links import Side
from tests.builders import account_id
from tests.component.integration.access import HOLDER, READS, Row
from tests.component.integration.routes import ROWS
from tests.component.integration.scene import Calling, Scene, scene_of
from tests.component.integration.tenants import SIDES
from tests.conftest import MakeDatabase
from tests.contract.documents import NOWHERE
from tests.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Who calls these shows no access token; what they open is behind a secret in the body, or everybody's.
OPEN = {
    ("POST", "/oauth/token"),
    ("GET", "/.well-known/jwks.json"),
    ("POST", "/sessions"),
    ("POST", "/sessions/refresh"),
    ("POST", "/sessions/end"),
    ("POST", "/password-resets"),
    ("POST", "/passwords"),
    ("POST", "/invitations/look"),
    ("POST", "/invitations/accept"),
    ("POST", "/invitations/decline"),
    *((method, "/openapi.json") for method in READS),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
}
# What both sides of a link know of it and of each other, and what everybody knows of their own account.
KNOWN = {
    "partner": frozenset({"account_id", "account_name", "link", "reference"}),
    "limited": frozenset({"account_id", "account_name", "account_email"}),
}
STRANGERS = ("partner", "same", "other", "limited")
NOTHING = {
    "person_id": "person_0000000000000000",
    "key_id": "key_0000000000000000",
    "link_id": str(uuid.UUID(int=1)),
    "invitation_id": str(uuid.UUID(int=2)),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(servers: Servers, template: MakeDatabase) -> AsyncIterator[Scene]:
    async with scene_of(servers, template) as made:
        yield made


def calls(callers: Sequence[Calling], side: Side) -> Iterator[tuple[Row, Calling]]:
    rows = [row for row in ROWS if row.of in (None, side)]
    return ((row, by) for row in rows for by in callers if not row.by or by.column in row.by)


async def faults(scene: Scene, row: Row, by: Calling, side: Side) -> list[str]:
    """What is wrong with the answer to this caller, and with what the call left behind."""
    answer = await scene.call(row, by, scene.tenants.has[side])
    changed = await scene.snapshot.changed()
    if changed:
        await scene.snapshot.restore()
    expected = by.expected(row)
    wrong = [f"leaks {name}" for name in leaks(scene, row, by, side, answer)]
    if answer.status_code != expected:
        wrong.append(f"{answer.status_code}, not {expected}: {answer.text[:200]}")
    if bool(changed) != (row.method not in READS and expected < 400 and not row.idle):
        wrong.append(f"changed {sorted(changed) or 'nothing'}")
    if row.lists and by.column in ("same", "other", "limited") and answer.json().get(row.lists):
        wrong.append("lists something")
    return [f"{row} by {by.column} {by.role} {sorted(by.scopes)}: {each}" for each in wrong]


def leaks(scene: Scene, row: Row, by: Calling, side: Side, answer: httpx.Response) -> list[str]:
    """The names of the account's secrets that the answer to somebody else holds."""
    if by.column in ("own", "operator") or row.by == HOLDER:
        return []
    known = KNOWN.get(by.column, frozenset()) | row.reveals
    said = f"{answer.headers} {answer.text}"
    return [
        name for name, secret in scene.tenants.secrets[side].items() if name not in known and secret in said
    ]


async def test_every_route_has_its_row_and_only_those_that_are_named_are_open() -> None:
    routes = iter_route_contexts(build(Settings.model_validate(NOWHERE)).routes)
    there = {(method, str(route.path)) for route in routes for method in route.methods or ()}
    assert {row.route for row in ROWS} == there
    assert {row.route for row in ROWS if row.is_open} == OPEN


@pytest.mark.parametrize("side", SIDES)
async def test_every_route_answers_everybody_as_the_table_says(scene: Scene, side: Side) -> None:
    callers = await scene.callers(side)
    wrong = [fault for row, by in calls(callers, side) for fault in await faults(scene, row, by, side)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("side", SIDES)
async def test_what_is_anothers_is_answered_as_what_is_not_there(scene: Scene, side: Side) -> None:
    has = scene.tenants.has[side]
    nothing = {**has, **NOTHING, "account_id": account_id(side, 1)}
    strangers = [by for by in await scene.callers(side) if by.column in STRANGERS]
    for row, by in calls(strangers, side):
        if "{" in row.path and by.expected(row) == 404:
            there, not_there = await scene.call(row, by, has), await scene.call(row, by, nothing)
            assert (there.status_code, there.text) == (404, not_there.text), str(row)
            assert there.headers == not_there.headers, str(row)

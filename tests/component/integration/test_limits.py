"""Rate limits: every route that could be used to search, guess or spam refuses after so many tries."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from integration.api.limits import MANY
from integration.app import Settings, build
from tests.component.integration.conftest import Person, World, kind_of, world_of
from tests.harness import running

MOST = 2
LIMITS = {"finds_per_hour", "sign_ins_per_quarter", "mails_per_hour", "redeems_per_hour"}

Try = Callable[[World, Person, int], Awaitable[httpx.Response]]


async def _directory(world: World, shop: Person, number: int) -> httpx.Response:
    return await shop.get("/directory", email=f"{number}@north.example")


async def _start(world: World, shop: Person, number: int) -> httpx.Response:
    return await shop.post("/links", {"email": f"{number}@north.example"})


async def _sign_in(world: World, shop: Person, number: int) -> httpx.Response:
    return await world.sign_in("shop", "ada@shop.example", f"guess {number}")


async def _reset(world: World, shop: Person, number: int) -> httpx.Response:
    body = {"kind": "shop", "email": "ada@shop.example"}
    return await world.client.post("/password-resets", json=body)


async def _add_person(world: World, shop: Person, number: int) -> httpx.Response:
    new = {"email": "ada@shop.example", "name": "Ada", "roles": ["support"]}
    return await shop.post(f"/accounts/{shop.id}/people", new)


async def _invite_again(world: World, shop: Person, number: int) -> httpx.Response:
    started = await shop.post("/links", {"email": "ada@north.example"})
    if started.status_code == 201:
        await shop.delete(f"/links/{started.json()['id']}")
    return started


def _by_token(path: str, **more: str) -> Try:
    async def tried(world: World, shop: Person, number: int) -> httpx.Response:
        return await world.client.post(path, json={"token": f"token_{number}", **more})

    return tried


async def _attach(world: World, shop: Person, number: int) -> httpx.Response:
    return await shop.post("/invitations/attach", {"token": f"token_{number}"})


NEW = {"name": "N", "person_name": "P", "password": "a long password"}
TABLE: list[tuple[str, Try, int]] = [
    ("finds_per_hour", _directory, MOST),
    ("finds_per_hour", _start, MOST),
    ("sign_ins_per_quarter", _sign_in, MOST),
    ("mails_per_hour", _reset, MOST),
    ("mails_per_hour", _add_person, MOST),
    ("mails_per_hour", _invite_again, MOST),
    ("redeems_per_hour", _by_token("/invitations/look"), MOST * MANY),
    ("redeems_per_hour", _by_token("/invitations/decline"), MOST * MANY),
    (
        "redeems_per_hour",
        _by_token("/invitations/accept", **NEW),
        MOST * MANY,
    ),
    ("redeems_per_hour", _attach, MOST * MANY),
    ("redeems_per_hour", _by_token("/passwords", password=NEW["password"]), MOST * MANY),
]


@pytest.fixture
async def strict(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[World]:
    """A service with one low limit, and the others out of the way."""
    limits = {name: MOST if name == request.param else 10_000 for name in LIMITS}
    app = build(settings.model_copy(update=limits))
    async with running(app) as client:
        yield await world_of(settings, client, app.state.parts.tokens)


@pytest.mark.parametrize(("strict", "tried", "most"), TABLE, indirect=["strict"])
async def test_one_try_too_many_is_refused_with_the_time_to_wait(
    strict: World, tried: Try, most: int
) -> None:
    shop = await strict.account("shop")
    answers = [await tried(strict, shop, number) for number in range(most + 1)]
    assert 429 not in {answer.status_code for answer in answers[:-1]}
    assert (answers[-1].status_code, kind_of(answers[-1])) == (429, "too-many-requests")
    assert int(answers[-1].headers["retry-after"]) > 0


@pytest.mark.parametrize("strict", ["finds_per_hour"], indirect=True)
async def test_one_accounts_tries_are_not_anothers_until_their_network_has_made_too_many(
    strict: World,
) -> None:
    shops = [await strict.account("shop") for _ in range(MANY)]
    for shop in shops:
        answers = [await _directory(strict, shop, number) for number in range(MOST)]
        assert {answer.status_code for answer in answers} == {404}
    another = await strict.account("shop")
    assert (await _directory(strict, another, 0)).status_code == 429

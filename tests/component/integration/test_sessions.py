"""Sessions: signing in, refresh tokens of which each works once, signing out, new passwords by mail."""

import asyncio
import itertools
from typing import Any

import httpx
import pytest

from tests.component.integration.conftest import Person, Post, World, kind_of

PASSWORD = "correct horse battery"
EMAIL = "ada@shop.example"


@pytest.fixture
async def shop(post: Post, world: World) -> Person:
    """A shop with an administrator who signs in as EMAIL."""
    account = await world.account("shop")
    await world.person(account, EMAIL, "administrator")
    body = {"token": (await post.latest(EMAIL)).token, "password": PASSWORD}
    assert (await world.client.post("/passwords", json=body)).status_code == 204
    return account


async def opened(world: World) -> dict[str, Any]:
    answer = await world.sign_in("shop", EMAIL, PASSWORD)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def refreshed(world: World, session: dict[str, Any], **headers: str) -> httpx.Response:
    body = {"refresh_token": session["refresh_token"]}
    return await world.client.post("/sessions/refresh", json=body, headers=headers)


async def test_a_session_goes_on_by_tokens_that_each_work_once(world: World, shop: Person) -> None:
    session = await opened(world)
    for _ in range(3):
        answer = await refreshed(world, session)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["refresh_token"] != session["refresh_token"]
        session = answer.json()
    person = Person(world.client, shop.id, EMAIL, session["access_token"])
    assert (await person.get(f"/accounts/{shop.id}")).json()["id"] == shop.id


async def test_a_refresh_token_used_again_ends_the_whole_family(world: World, shop: Person) -> None:
    stolen = await opened(world)
    other = await opened(world)
    current = (await refreshed(world, stolen)).json()
    for each in (stolen, current, stolen):
        answer = await refreshed(world, each)
        assert (answer.status_code, kind_of(answer)) == (401, "session-ended")
    assert (await refreshed(world, other)).status_code == 200


async def test_of_two_that_use_a_refresh_token_at_once_one_gets_on_and_the_session_ends(
    world: World, shop: Person
) -> None:
    session = await opened(world)
    answers = await asyncio.gather(*(refreshed(world, session) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    won = next(answer for answer in answers if answer.status_code == 200)
    assert (await refreshed(world, won.json())).status_code == 401


async def test_a_refresh_whose_answer_was_lost_is_repeated_by_its_idempotency_key(
    world: World, shop: Person
) -> None:
    session = await opened(world)
    first = await refreshed(world, session, **{"Idempotency-Key": "retry-1"})
    again = await refreshed(world, session, **{"Idempotency-Key": "retry-1"})
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert (await refreshed(world, first.json())).status_code == 200


async def test_who_signed_out_needs_the_password_again(world: World, shop: Person) -> None:
    session = await opened(world)
    for _ in range(2):
        body = {"refresh_token": session["refresh_token"]}
        assert (await world.client.post("/sessions/end", json=body)).status_code == 204
    assert (await refreshed(world, session)).status_code == 401


async def test_a_new_password_by_mail_ends_the_sessions_of_the_old_one(
    post: Post, world: World, shop: Person
) -> None:
    session = await opened(world)
    for email in (EMAIL, "nobody@shop.example"):
        asked = await world.client.post("/password-resets", json={"kind": "shop", "email": email})
        assert (asked.status_code, asked.content) == (204, b"")
    mail = await post.latest(EMAIL, 2)
    assert mail.subject == "A new password for Orderdock"
    body = {"token": mail.token, "password": "another long password"}
    assert (await world.client.post("/passwords", json=body)).status_code == 204
    assert (await refreshed(world, session)).status_code == 401
    assert (await world.sign_in("shop", EMAIL, PASSWORD)).status_code == 401
    assert (await world.sign_in("shop", EMAIL, "another long password")).status_code == 201


async def test_a_password_chosen_while_somebody_signs_in_with_the_old_one_leaves_no_session(
    post: Post, world: World, shop: Person
) -> None:
    passwords = [PASSWORD, *(f"new password {number}" for number in range(3))]
    for number, (old, new) in enumerate(itertools.pairwise(passwords), 2):
        assert (await asked(world)).status_code == 204
        token = (await post.latest(EMAIL, number)).token
        body = {"token": token, "password": new}
        *signed, chosen = await asyncio.gather(
            world.sign_in("shop", EMAIL, old), world.client.post("/passwords", json=body)
        )
        assert chosen.status_code == 204
        for answer in signed:
            assert answer.status_code in (201, 401)
            if answer.status_code == 201:
                assert (await refreshed(world, answer.json())).status_code == 401


async def asked(world: World) -> httpx.Response:
    return await world.client.post("/password-resets", json={"kind": "shop", "email": EMAIL})


async def test_guessing_a_password_is_slowed_down_for_its_email_only(world: World, shop: Person) -> None:
    answers = [await world.sign_in("shop", EMAIL, f"guess number {number}") for number in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert kind_of(answers[0]) == "wrong-credentials"
    limited = answers[-1]
    assert kind_of(limited) == "too-many-requests"
    assert int(limited.headers["retry-after"]) == limited.json()["retry_after"] > 0
    assert (await world.sign_in("shop", EMAIL, PASSWORD)).status_code == 429
    assert (await world.sign_in("shop", "other@shop.example", PASSWORD)).status_code == 401


async def test_asking_for_mail_after_mail_is_refused(world: World, shop: Person) -> None:
    codes = [(await asked(world)).status_code for _ in range(4)]
    assert codes == [204, 204, 204, 429]

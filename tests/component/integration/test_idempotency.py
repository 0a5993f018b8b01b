"""Idempotency-Keys: a POST that is repeated is answered as the first time, and done once."""

import asyncio
from datetime import timedelta

from sqlalchemy import text

from integration.app import Settings
from shared.database import Database
from tests.component.integration.conftest import Person, World, kind_of


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def test_a_repeated_start_answers_the_link_that_it_made(world: World) -> None:
    shop, threepl = await world.pair()
    body = {"account_id": threepl.id}
    first = await shop.post("/links", body, headers=keyed("start-1"))
    again = await shop.post("/links", body, headers=keyed("start-1"))
    assert (again.status_code, again.json()) == (201, first.json())
    assert (again.headers["etag"], again.headers["location"]) == ('"1"', first.headers["location"])
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert (await shop.post("/links", body, headers=keyed("start-2"))).status_code == 409


async def test_repeated_at_the_same_moment_it_is_done_once(world: World) -> None:
    shop = await world.account("shop")
    path, body = f"/accounts/{shop.id}/api-keys", {"name": "till", "scopes": ["read"]}
    answers = await asyncio.gather(*(shop.post(path, body, headers=keyed("key-1")) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["secret"] for answer in answers}) == 1
    assert [key["name"] for key in (await shop.get(path)).json()["api_keys"]] == ["till", "all"]


async def test_the_same_key_for_another_request_is_refused(world: World) -> None:
    shop = await world.account("shop")
    path = f"/accounts/{shop.id}/api-keys"
    await shop.post(path, {"name": "till", "scopes": ["read"]}, headers=keyed("key-1"))
    for other, body in ((path, {"name": "other", "scopes": ["read"]}), ("/links", {"email": "a@b.example"})):
        refused = await shop.post(other, body, headers=keyed("key-1"))
        assert (refused.status_code, kind_of(refused)) == (422, "idempotency-key-reused")
    for bad in ("", "x" * 256):
        refused = await shop.post(path, {"name": "till", "scopes": ["read"]}, headers=keyed(bad))
        assert (refused.status_code, kind_of(refused)) == (422, "invalid-request")


async def test_a_key_is_its_users_own(world: World) -> None:
    shop = await world.account("shop")
    stranger = await world.account("shop")
    colleague = await world.in_role("manager", shop, "shop")
    secret = await shop.post(
        f"/accounts/{shop.id}/api-keys", {"name": "till", "scopes": ["read"]}, headers=keyed("1")
    )
    for other in (stranger, colleague):
        answer = await other.post(
            f"/accounts/{shop.id}/api-keys", {"name": "till", "scopes": ["read"]}, headers=keyed("1")
        )
        assert answer.status_code in (403, 404)
        assert secret.json()["secret"] not in answer.text


async def test_a_refusal_is_not_kept(world: World) -> None:
    shop, threepl = await world.account("shop", "free"), await world.account("threepl")
    body = {"account_id": threepl.id}
    assert (await shop.post("/links", body, headers=keyed("start-1"))).status_code == 403
    await world.operator.put(f"/accounts/{shop.id}/plan", {"plan": "grow"})
    assert (await shop.post("/links", body, headers=keyed("start-1"))).status_code == 201


async def test_a_key_counts_for_24_hours_and_what_is_kept_is_encrypted(
    world: World, settings: Settings
) -> None:
    shop = await world.account("shop")
    path, body = f"/accounts/{shop.id}/api-keys", {"name": "till", "scopes": ["read"]}
    first = await shop.post(path, body, headers=keyed("key-1"))
    database = Database(settings.database_url)
    async with database.transaction() as connection:
        [kept] = (await connection.execute(text("SELECT body FROM idempotency_keys"))).scalars()
        assert first.json()["secret"].encode() not in kept
        await connection.execute(
            text("UPDATE idempotency_keys SET kept_until = kept_until - CAST(:age AS interval)"),
            {"age": timedelta(hours=24)},
        )
    await database.close()
    later = await shop.post(path, body, headers=keyed("key-1"))
    assert (later.status_code, later.json()["id"] == first.json()["id"]) == (201, False)


async def test_one_without_a_token_repeats_only_what_it_says_itself(world: World) -> None:
    body = {"kind": "shop", "email": "nobody@shop.example"}
    first = await world.client.post("/password-resets", json=body, headers=keyed("1"))
    again = await world.client.post("/password-resets", json=body, headers=keyed("1"))
    other = await world.client.post("/password-resets", json={**body, "kind": "threepl"}, headers=keyed("1"))
    assert [answer.status_code for answer in (first, again, other)] == [204, 204, 204]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in other.headers


async def test_acts_on_a_link_are_repeated_too(world: World) -> None:
    shop, threepl = await world.pair()
    link = (await shop.post("/links", {"account_id": threepl.id})).json()["id"]
    path = f"/links/{link}"
    first = await threepl.post(f"{path}/activate", headers=keyed("a"))
    await shop.post(f"{path}/deactivate")
    again = await threepl.post(f"{path}/activate", headers=keyed("a"))
    assert (again.json(), again.headers["etag"]) == (first.json(), '"2"')
    assert (await versions(shop, path))[0] == 3


async def test_a_token_is_not_repeated_to_who_shows_another_secret(world: World) -> None:
    shop = await world.account("shop")
    new = {"name": "till", "scopes": ["read"]}
    key = (await shop.post(f"/accounts/{shop.id}/api-keys", new)).json()
    form = {"grant_type": "client_credentials"}

    async def asked(secret: str) -> int:
        answer = await world.client.post(
            "/oauth/token", data=form, auth=(key["id"], secret), headers=keyed("1")
        )
        return answer.status_code

    assert [await asked(secret) for secret in ("wrong", key["secret"], "wrong", "")] == [401, 200, 401, 401]


async def test_many_with_keys_at_once_hold_up_nobody(world: World) -> None:
    shop = await world.account("shop")
    key = (await shop.post(f"/accounts/{shop.id}/api-keys", {"name": "till", "scopes": ["read"]})).json()
    form = {"grant_type": "client_credentials"}
    tokens = (
        world.client.post(
            "/oauth/token", data=form, auth=(key["id"], key["secret"]), headers=keyed(str(number))
        )
        for number in range(60)
    )
    resets = (
        world.client.post(
            "/password-resets", json={"kind": "shop", "email": f"{number}@x.example"}, headers=keyed("1")
        )
        for number in range(20)
    )
    answers = await asyncio.gather(*tokens, *resets)
    assert {answer.status_code for answer in answers} == {200, 204}


async def test_every_post_takes_a_key(world: World) -> None:
    document = (await world.client.get("/openapi.json")).json()
    posts = {path: item["post"] for path, item in document["paths"].items() if "post" in item}
    assert len(posts) > 15
    for path, operation in posts.items():
        names = [parameter["name"] for parameter in operation.get("parameters", ())]
        assert "Idempotency-Key" in names, path


async def versions(by: Person, path: str) -> list[int]:
    return [line["version"] for line in (await by.get(f"{path}/history")).json()["history"]]

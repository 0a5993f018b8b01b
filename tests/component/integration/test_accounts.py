"""Accounts and their API keys: who may make, see and revoke what."""

from typing import Any

from tests.component.integration.conftest import Person, World, token


def kind(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


async def test_an_operator_makes_accounts_with_readable_ids_and_a_free_plan(world: World) -> None:
    new = {"kind": "threepl", "email": " Depot@Example.com ", "name": "Depot"}
    answer = await world.operator.post("/accounts", new)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/accounts/{made['id']}"
    assert (made["id"][:2], made["email"], made["plan"]) == ("T-", "depot@example.com", "free")
    assert (await world.operator.get(f"/accounts/{made['id']}")).json() == made


async def test_an_email_is_taken_once_for_each_kind(world: World) -> None:
    new = {"kind": "shop", "email": "one@example.com", "name": "One"}
    assert (await world.operator.post("/accounts", new)).status_code == 201
    again = await world.operator.post("/accounts", {**new, "email": "ONE@example.com"})
    assert (again.status_code, kind(again)) == (409, "email-taken")
    assert (await world.operator.post("/accounts", {**new, "kind": "threepl"})).status_code == 201


async def test_a_wrong_account_is_refused_by_its_field(world: World) -> None:
    right = {"kind": "shop", "email": "one@example.com", "name": "One"}
    for wrong in (
        {"kind": "bank"},
        {"email": "one"},
        {"name": ""},
        {"name": "a\x00"},
        {"name": "a\u202e"},
        {"name": "x" * 201},
        {"plan": "gold"},
        {"id": "S-0000-0000"},
    ):
        answer = await world.operator.post("/accounts", {**right, **wrong})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, next(iter(wrong)))


async def test_only_operators_make_and_list_accounts_and_others_see_their_own(world: World) -> None:
    shop, threepl = await world.pair()
    new = {"kind": "shop", "email": "one@example.com", "name": "One"}
    assert (await shop.post("/accounts", new)).status_code == 403
    assert (await shop.get("/accounts")).status_code == 403
    assert (await shop.get(f"/accounts/{shop.id}")).json()["email"] == shop.email
    assert (await shop.get(f"/accounts/{threepl.id}")).status_code == 404
    assert (await world.operator.get("/accounts/S-0000-0000")).status_code == 404


async def test_accounts_are_listed_newest_first_page_by_page(world: World) -> None:
    made = [(await world.account("shop")).id for _ in range(3)]
    first = (await world.operator.get("/accounts", limit=2)).json()
    rest = (await world.operator.get("/accounts", limit=2, cursor=first["next_cursor"])).json()
    ids = [account["id"] for account in [*first["accounts"], *rest["accounts"]]]
    assert ids == [*reversed(made), world.operator.id]
    assert rest["next_cursor"] is None


async def test_a_keys_secret_is_shown_once_and_a_revoked_key_gets_no_token(world: World) -> None:
    shop = await world.account("shop")
    path = f"/accounts/{shop.id}/api-keys"
    made = (await shop.post(path, {"name": "till", "scopes": ["read"]})).json()
    assert (made["scopes"], made["roles"]) == (["read"], ["administrator"])
    assert await token(world.client, made)
    listed = (await shop.get(path)).json()["api_keys"]
    assert [key["name"] for key in listed] == ["till", "all"]
    assert not any("secret" in key for key in listed)
    for _ in range(2):
        assert (await shop.delete(f"{path}/{made['id']}")).status_code == 204
    assert (await shop.get(path)).json()["api_keys"][0]["revoked_at"] is not None
    form = {"grant_type": "client_credentials", "client_id": made["id"], "client_secret": made["secret"]}
    refused = await world.client.post("/oauth/token", data=form)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


async def test_anothers_keys_are_not_there(world: World) -> None:
    shop, threepl = await world.pair()
    path = f"/accounts/{threepl.id}/api-keys"
    mine = (await threepl.get(path)).json()["api_keys"][0]["id"]
    for answer in (
        await shop.get(path),
        await shop.post(path, {"name": "till", "scopes": ["read"]}),
        await shop.delete(f"{path}/{mine}"),
        await shop.delete(f"/accounts/{shop.id}/api-keys/{mine}"),
    ):
        assert (answer.status_code, kind(answer)) == (404, "not-found")


async def test_a_key_that_only_reads_changes_nothing(world: World) -> None:
    shop, threepl = await world.pair()
    key = await shop.post(f"/accounts/{shop.id}/api-keys", {"name": "report", "scopes": ["read"]})
    reader = Person(world.client, shop.id, shop.email, await token(world.client, key.json()))
    assert (await reader.get("/links")).status_code == 200
    for answer in (
        await reader.post("/links", {"account_id": threepl.id}),
        await reader.post(f"/accounts/{shop.id}/api-keys", {"name": "more", "scopes": ["write"]}),
    ):
        assert (answer.status_code, kind(answer)) == (403, "forbidden")


async def test_a_key_needs_a_name_and_known_scopes(world: World) -> None:
    shop = await world.account("shop")
    for wrong in ({"name": "a"}, {"name": "", "scopes": ["read"]}, {"name": "a", "scopes": ["all"]}):
        assert (await shop.post(f"/accounts/{shop.id}/api-keys", wrong)).status_code == 422

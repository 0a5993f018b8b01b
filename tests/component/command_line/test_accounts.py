"""`orderdock accounts` and `orderdock operators`: made, listed, on plans, with keys and people."""

import uuid

import pytest

from deploy.local.api import Api
from tests.component.command_line.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")


def email() -> str:
    return f"{uuid.uuid4().hex}@example.com"


async def test_an_account_is_made_shown_and_put_on_a_plan(desk: Desk) -> None:
    address = email()
    made = await desk.ask("accounts", "create", "--kind", "shop", "--email", address, "--name", "Teapot & Co")
    assert (made["plan"], made["language"]) == ("free", "en")
    said = await desk.run("accounts", "plan", made["id"], "grow")
    assert said.out == f"Teapot & Co ({made['id']}) has the plan grow.\n"
    shown = await desk.ask("accounts", "show", made["id"])
    assert shown == {**made, "plan": "grow"}
    assert (await desk.ask("accounts", "plan", made["id"], "grow")) == shown
    table = (await desk.run("accounts", "show", made["id"])).out
    assert all(word in table for word in (made["id"], "Teapot & Co", address, "grow"))


async def test_a_list_holds_as_many_as_were_asked_for_and_says_that_there_are_more(desk: Desk) -> None:
    names = [f"Shop {number} {uuid.uuid4().hex}" for number in range(3)]
    ids = [await desk.account("shop", name) for name in names]
    listed = await desk.run("accounts", "list", "--limit", "2", "--json")
    assert [account["id"] for account in listed.document] == [ids[2], ids[1]]
    assert listed.error == "There are more: --limit takes a higher number.\n"
    table = (await desk.run("accounts", "list", "--limit", "3")).out
    assert [name in table for name in ids] == [True, True, True]
    assert "There are more" in table


async def test_a_list_longer_than_a_page_of_the_api_is_whole(desk: Desk) -> None:
    shop = await desk.account("shop", "Teapot & Co")
    key, path = desk.keys["Teapot & Co"], f"/accounts/{shop}/api-keys"
    api = Api({"integration": desk.url}, key["client_id"], key["client_secret"])
    for number in range(200):
        await api.post("integration", path, {"name": f"key {number}", "scopes": ["read"]})
    await api.close()
    assert len(await desk.ask("accounts", "keys", "list", "--as", "teapot", "--limit", "300")) == 201


async def test_operators_are_listed_apart_from_other_accounts(desk: Desk) -> None:
    await desk.account("shop", "Teapot & Co")
    listed = await desk.ask("operators", "list")
    assert [account["email"] for account in listed] == ["operator@example.com"]
    assert "operator@example.com" in (await desk.run("operators", "list")).out


async def test_an_api_key_is_made_for_reading_listed_without_its_secret_and_revoked(pair: Desk) -> None:
    keys, north = ["accounts", "keys"], ["--as", "North Fulfilment"]
    made = await pair.ask(*keys, "create", "reports", "--scope", "read", *north)
    assert made["scopes"] == ["read"]
    told = await pair.run(*keys, "revoke", made["id"], *north)
    assert told.out == f"{made['id']} is revoked; an access token it has got works for 15 minutes at most.\n"
    listed = await pair.ask(*keys, "list", *north)
    assert [(key["name"], key["revoked_at"] is None) for key in listed] == [
        ("reports", False),
        ("test", True),
    ]
    table = (await pair.run(*keys, "list", *north)).out
    assert made["id"] in table
    assert made["secret"] not in table
    assert "secret_" in (await pair.run(*keys, "create", "other", *north)).out
    other = (await pair.ask(*keys, "list", *north))[0]["id"]
    assert await pair.ask(*keys, "revoke", other, *north) == {"revoked": other}


async def test_people_are_added_changed_in_what_is_named_and_removed(pair: Desk) -> None:
    people, north, address = ["accounts", "people"], ["--as", "north"], email()
    shop = pair.keys["Teapot & Co"]["account_id"]
    added = await pair.ask(*people, "add", "--email", address, "--name", "Ada", "--role", "manager",
                           "--role", "support", "--client", shop, *north)  # fmt: skip
    assert (sorted(added["roles"]), added["clients"]) == (["manager", "support"], [shop])
    assert await pair.token(address)
    changed = await pair.ask(*people, "change", added["id"], "--role", "warehouse", *north)
    assert changed == {**added, "roles": ["warehouse"]}
    freed = await pair.ask(*people, "change", added["id"], "--all-clients", "--name", "Ada L.", *north)
    assert freed == {**changed, "clients": None, "name": "Ada L."}
    assert "Ada L." in (await pair.run(*people, "list", *north)).out
    assert await pair.ask(*people, "remove", added["id"], *north) == {"removed": added["id"]}
    assert await pair.ask(*people, "list", *north) == []
    assert (await pair.run(*people, "list", *north)).out == "This account has no people.\n"


async def test_every_field_that_the_api_finds_wrong_is_named(pair: Desk) -> None:
    said = await pair.run("accounts", "people", "add", "--email", "ada", "--name", "Ada", "--role", "boss",
                          "--as", "north")  # fmt: skip
    assert said.exit_code == 1
    assert "roles.0: Input should be 'administrator'" in said.error
    assert "email: Value error, An email address must have an @-sign" in said.error


async def test_a_shop_finds_a_3pl_by_its_id_and_by_nothing_less(pair: Desk) -> None:
    north = pair.keys["North Fulfilment"]["account_id"]
    found = await pair.run("accounts", "find", north, "--as", "teapot")
    assert found.out == f"{north} is a 3PL: North Fulfilment.\n"
    assert (await pair.ask("accounts", "find", north, "--as", "teapot"))["kind"] == "threepl"
    nobody = await pair.run("accounts", "find", email(), "--as", "teapot")
    assert nobody.exit_code == 1
    assert nobody.error.startswith("Nobody on the other side has this account id or e-mail.")


async def test_a_name_that_looks_like_markup_is_shown_as_it_is(desk: Desk) -> None:
    await desk.account("shop", "[bold]Teapot[/bold] :tea:")
    assert "[bold]Teapot[/bold] :tea:" in (await desk.run("accounts", "list", "--limit", "1")).out

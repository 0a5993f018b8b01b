"""People of an account: added by mail, with roles and client shops, until they are removed."""

from tests.component.integration.conftest import Person, Post, World, kind_of

PASSWORD = "correct horse battery"


async def chosen(world: World, post: Post, email: str) -> None:
    """The person chooses a password with the token of the newest mail."""
    token = (await post.latest(email)).token
    answer = await world.client.post("/passwords", json={"token": token, "password": PASSWORD})
    assert answer.status_code == 204, answer.text


async def signed_in(world: World, of: Person, email: str) -> Person:
    """The person, signed in to the account of a 3PL."""
    answer = await world.sign_in("threepl", email, PASSWORD)
    assert answer.status_code == 201, answer.text
    return Person(world.client, of.id, email, answer.json()["access_token"])


async def test_a_person_is_added_by_mail_chooses_a_password_and_signs_in(post: Post, world: World) -> None:
    threepl = await world.account("threepl")
    person = await world.person(threepl, "Ada@Depot.example", "manager", "warehouse")
    assert (person["email"], person["roles"]) == ("ada@depot.example", ["manager", "warehouse"])
    assert (await world.sign_in("threepl", "ada@depot.example", PASSWORD)).status_code == 401
    welcome = await post.latest("ada@depot.example")
    assert "You can now sign in" in welcome.subject
    assert "https://console.orderdock.example/password#password_" in welcome.text
    await chosen(world, post, "ada@depot.example")
    ada = await signed_in(world, threepl, "ada@depot.example")
    assert (await ada.get(f"/accounts/{threepl.id}/people/{person['id']}")).json() == person
    assert (await ada.get(f"/accounts/{threepl.id}/people")).status_code == 403


async def test_a_mails_token_chooses_a_password_once(post: Post, world: World) -> None:
    threepl = await world.account("threepl")
    await world.person(threepl, "ada@depot.example")
    token = (await post.latest("ada@depot.example")).token
    await chosen(world, post, "ada@depot.example")
    for body in (
        {"token": token, "password": PASSWORD},
        {"token": "password_x", "password": PASSWORD},
    ):
        refused = await world.client.post("/passwords", json=body)
        assert (refused.status_code, kind_of(refused)) == (409, "password-token-ended")
    short = await world.client.post("/passwords", json={"token": token, "password": "short"})
    assert (short.status_code, short.json()["errors"][0]["field"]) == (422, "password")


async def test_an_email_signs_in_to_one_account_of_each_kind(post: Post, world: World) -> None:
    shop, threepl = await world.pair()
    await world.person(threepl, "ada@depot.example")
    again = await threepl.post(
        f"/accounts/{threepl.id}/people",
        {"email": "ADA@depot.example", "name": "Ada", "roles": ["support"]},
    )
    assert (again.status_code, kind_of(again)) == (409, "email-taken")
    await world.person(shop, "ada@depot.example")
    for letter in await post.letters("ada@depot.example", 2):
        body = {"token": letter.token, "password": PASSWORD}
        assert (await world.client.post("/passwords", json=body)).status_code == 204
    for of, account in (("shop", shop), ("threepl", threepl)):
        signed = await world.client.post(
            "/sessions", json={"kind": of, "email": "ada@depot.example", "password": PASSWORD}
        )
        assert signed.json()["person"]["account_id"] == account.id


async def test_a_person_with_client_shops_sees_and_does_nothing_beyond_them(post: Post, world: World) -> None:
    shop, threepl = await world.pair()
    other = await world.account("shop")
    path = f"/links/{(await shop.post('/links', {'account_id': threepl.id})).json()['id']}"
    beyond = f"/links/{(await other.post('/links', {'account_id': threepl.id})).json()['id']}"
    await world.person(threepl, "ada@depot.example", "administrator", clients=[shop.id])
    await chosen(world, post, "ada@depot.example")
    ada = await signed_in(world, threepl, "ada@depot.example")
    assert [link["shop_id"] for link in (await ada.get("/links")).json()["links"]] == [shop.id]
    assert (await ada.post(f"{path}/activate")).json()["status"] == "active"
    for answer in (await ada.get(beyond), await ada.post(f"{beyond}/activate"), await ada.delete(beyond)):
        assert (answer.status_code, kind_of(answer)) == (404, "not-found")
    third = await world.account("shop")
    for body in ({"account_id": third.id}, {"email": "nobody@shop.example"}):
        answer = await ada.post("/links", body)
        assert (answer.status_code, kind_of(answer)) == (403, "forbidden")
    assert (await ada.get("/invitations")).json()["invitations"] == []


async def test_only_a_3pls_people_are_limited_to_client_shops(world: World) -> None:
    shop = await world.account("shop")
    new = {"email": "a@shop.example", "name": "A", "roles": ["manager"], "clients": [shop.id]}
    answer = await shop.post(f"/accounts/{shop.id}/people", new)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "clients")


async def test_changed_roles_are_those_of_the_next_token(post: Post, world: World) -> None:
    threepl = await world.account("threepl")
    person = await world.person(threepl, "ada@depot.example", "support")
    await chosen(world, post, "ada@depot.example")
    session = (await world.sign_in("threepl", "ada@depot.example", PASSWORD)).json()
    change = {"name": "Ada L.", "roles": ["administrator"]}
    changed = await threepl.put(f"/accounts/{threepl.id}/people/{person['id']}", change)
    assert (changed.json()["name"], changed.json()["roles"]) == ("Ada L.", ["administrator"])
    body = {"refresh_token": session["refresh_token"]}
    refreshed = (await world.client.post("/sessions/refresh", json=body)).json()
    ada = Person(world.client, threepl.id, "ada@depot.example", refreshed["access_token"])
    listed = (await ada.get(f"/accounts/{threepl.id}/people")).json()["people"]
    assert [each["id"] for each in listed] == [person["id"]]


async def test_a_removed_persons_sessions_end_and_the_email_is_free_again(post: Post, world: World) -> None:
    threepl = await world.account("threepl")
    person = await world.person(threepl, "ada@depot.example")
    await chosen(world, post, "ada@depot.example")
    session = (await world.sign_in("threepl", "ada@depot.example", PASSWORD)).json()
    path = f"/accounts/{threepl.id}/people/{person['id']}"
    assert (await threepl.delete(path)).status_code == 204
    assert (await threepl.delete(path)).status_code == 404
    assert (await world.sign_in("threepl", "ada@depot.example", PASSWORD)).status_code == 401
    body = {"refresh_token": session["refresh_token"]}
    ended = await world.client.post("/sessions/refresh", json=body)
    assert (ended.status_code, kind_of(ended)) == (401, "session-ended")
    await world.person(threepl, "ada@depot.example")

"""Invitations: a link with an e-mail on its other side, and every way in which that ends."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from integration.app import Settings
from shared.database import Database
from tests.component.integration.conftest import Person, Post, World, kind_of

EMAIL = "depot@north.example"
PASSWORD = "correct horse battery"


async def invited(by: Person, email: str = EMAIL, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The new link, and its invitation as its sender sees it."""
    answer = await by.post("/links", {"email": email, **more})
    assert answer.status_code == 201, answer.text
    invitation = (await by.get("/invitations")).json()["invitations"][0]
    assert invitation["link_id"] == answer.json()["id"]
    return answer.json(), invitation


def acceptance(token: str, **more: Any) -> dict[str, Any]:
    body = {"token": token, "name": "North Depot", "person_name": "Ada", "password": PASSWORD}
    return {**body, **more}


async def status(by: Person, invitation: dict[str, Any]) -> str:
    return str((await by.get(f"/invitations/{invitation['id']}")).json()["status"])


async def test_an_unknown_email_is_invited_and_the_link_holds_it_meanwhile(post: Post, world: World) -> None:
    shop = await world.account("shop")
    link, invitation = await invited(shop, " Depot@North.example ")
    assert (link["threepl_id"], link["email"], link["status"]) == (None, EMAIL, "pending")
    assert (invitation["kind"], invitation["email"], invitation["status"]) == ("threepl", EMAIL, "open")
    sent, expires = (datetime.fromisoformat(invitation[name]) for name in ("sent_at", "expires_at"))
    assert expires - sent == timedelta(hours=72)
    mail = await post.latest(EMAIL)
    assert mail.subject == "The shop invites you to Orderdock"
    assert f"https://console.orderdock.example/invitations#{mail.token}" in mail.text
    again = await shop.post("/links", {"email": EMAIL})
    assert (again.status_code, again.json()["link_id"]) == (409, link["id"])


async def test_accepting_makes_the_account_and_activating_is_an_act_of_its_own(
    post: Post, world: World
) -> None:
    shop = await world.account("shop")
    link, invitation = await invited(shop)
    token = (await post.latest(EMAIL)).token
    offer = (await world.client.post("/invitations/look", json={"token": token})).json()
    assert (offer["kind"], offer["email"], offer["account_exists"]) == ("threepl", EMAIL, False)
    assert (offer["inviter_id"], offer["inviter_name"]) == (shop.id, "The shop")
    answer = await world.client.post("/invitations/accept", json=acceptance(token))
    assert answer.status_code == 201, answer.text
    account, joined, session = (answer.json()[name] for name in ("account", "link", "session"))
    assert (account["kind"], account["email"], account["plan"]) == ("threepl", EMAIL, "free")
    assert (joined["id"], joined["threepl_id"], joined["email"]) == (link["id"], account["id"], None)
    assert (joined["status"], joined["threepl_on"], joined["version"]) == ("pending", False, 2)
    assert session["person"]["roles"] == ["administrator"]
    threepl = Person(world.client, account["id"], EMAIL, session["access_token"])
    refused = await threepl.post(f"/links/{link['id']}/activate")
    assert (refused.status_code, kind_of(refused)) == (403, "plan-required")
    await world.operator.put(f"/accounts/{threepl.id}/plan", {"plan": "conquer"})
    assert (await threepl.post(f"/links/{link['id']}/activate")).json()["status"] == "active"
    assert (await world.sign_in("threepl", EMAIL, PASSWORD)).status_code == 201
    assert await status(shop, invitation) == "accepted"
    line = (await shop.get(f"/links/{link['id']}/history")).json()["history"][1]
    assert (line["act"], line["who"], line["by"]) == ("accept", threepl.id, None)
    assert line["changes"] == {
        "threepl_id": {"from": None, "to": threepl.id},
        "email": {"from": EMAIL, "to": None},
    }


async def test_a_token_works_once_and_an_ended_invitation_says_so(post: Post, world: World) -> None:
    shop = await world.account("shop")
    await invited(shop)
    token = (await post.latest(EMAIL)).token
    assert (await world.client.post("/invitations/accept", json=acceptance(token))).status_code == 201
    for path, body in (
        ("/invitations/look", {"token": token}),
        ("/invitations/accept", acceptance(token)),
        ("/invitations/decline", {"token": token}),
        ("/invitations/decline", {"token": "invitation_guessed"}),
    ):
        answer = await world.client.post(path, json=body)
        assert (answer.status_code, kind_of(answer)) == (409, "invitation-ended"), path


async def test_a_signed_in_account_of_the_right_kind_attaches_itself(post: Post, world: World) -> None:
    shop, threepl = await world.pair()
    link, invitation = await invited(shop)
    token = (await post.latest(EMAIL)).token
    other_shop = await world.account("shop")
    wrong = await other_shop.post("/invitations/attach", {"token": token})
    assert (wrong.status_code, kind_of(wrong)) == (403, "wrong-kind")
    answer = await threepl.post("/invitations/attach", {"token": token})
    assert (answer.status_code, answer.json()["id"]) == (200, link["id"])
    assert (answer.json()["threepl_id"], answer.headers["etag"]) == (threepl.id, '"2"')
    assert await status(shop, invitation) == "accepted"
    assert (await threepl.post(f"/links/{link['id']}/activate")).json()["status"] == "active"


async def test_a_pair_that_has_a_live_link_by_then_keeps_that_one(post: Post, world: World) -> None:
    shop, threepl = await world.pair()
    link, invitation = await invited(shop)
    live = (await threepl.post("/links", {"account_id": shop.id})).json()
    answer = await threepl.post("/invitations/attach", {"token": (await post.latest(EMAIL)).token})
    assert (answer.status_code, answer.json()["id"]) == (200, live["id"])
    assert (await shop.get(f"/links/{link['id']}")).json()["status"] == "deleted"
    ended = (await shop.get(f"/invitations/{invitation['id']}")).json()
    assert (ended["status"], ended["link_id"]) == ("accepted", live["id"])
    assert (await threepl.get(f"/links/{link['id']}")).status_code == 404


async def test_an_account_that_has_the_email_by_then_signs_in_and_attaches(post: Post, world: World) -> None:
    shop = await world.account("shop")
    link, _ = await invited(shop)
    made = await world.operator.post("/accounts", {"kind": "threepl", "email": EMAIL, "name": "North"})
    token = (await post.latest(EMAIL)).token
    assert (await world.client.post("/invitations/look", json={"token": token})).json()["account_exists"]
    refused = await world.client.post("/invitations/accept", json=acceptance(token))
    assert (refused.status_code, kind_of(refused)) == (409, "email-taken")
    threepl = await world.program(made.json()["id"], EMAIL)
    answer = await threepl.post("/invitations/attach", {"token": token})
    assert (answer.status_code, answer.json()["id"]) == (200, link["id"])


async def test_declining_and_withdrawing_and_deleting_end_the_link_and_the_invitation(
    post: Post, world: World
) -> None:
    shop = await world.account("shop")
    for end in ("declined", "withdrawn", "deleted"):
        email = f"{end}@north.example"
        link, invitation = await invited(shop, email)
        token = (await post.latest(email)).token
        if end == "declined":
            answer = await world.client.post("/invitations/decline", json={"token": token})
            assert answer.status_code == 204
        elif end == "withdrawn":
            answer = await shop.post(f"/invitations/{invitation['id']}/withdraw")
            assert answer.json()["status"] == "withdrawn"
        else:
            await shop.delete(f"/links/{link['id']}")
        assert (await shop.get(f"/links/{link['id']}")).json()["status"] == "deleted"
        assert await status(shop, invitation) == ("declined" if end == "declined" else "withdrawn")
        for act in ("withdraw", "resend"):
            refused = await shop.post(f"/invitations/{invitation['id']}/{act}")
            assert (refused.status_code, kind_of(refused)) == (409, "invitation-ended")
        used = await world.client.post("/invitations/accept", json=acceptance(token))
        assert (used.status_code, kind_of(used)) == (409, "invitation-ended")
        assert (await shop.post("/links", {"email": email})).status_code == 201


async def test_who_was_added_by_a_stranger_and_never_came_does_not_keep_the_invited_from_accepting(
    post: Post, world: World
) -> None:
    squatter, shop = await world.account("threepl"), await world.account("shop")
    await world.person(squatter, EMAIL)
    await invited(shop)
    letter = next(each for each in await post.letters(EMAIL, 2) if "invites you" in each.subject)
    offer = await world.client.post("/invitations/look", json={"token": letter.token})
    assert offer.json()["account_exists"] is False
    accepted = await world.client.post("/invitations/accept", json=acceptance(letter.token))
    assert accepted.status_code == 201, accepted.text
    assert (await world.sign_in("threepl", EMAIL, PASSWORD)).status_code == 201


async def test_acts_that_race_for_one_invitation_end_it_once_and_leave_no_deadlock(
    post: Post, world: World
) -> None:
    shop = await world.account("shop")
    for number in range(8):
        email = f"race{number}@north.example"
        link, invitation = await invited(shop, email)
        token = (await post.latest(email)).token
        path = f"/invitations/{invitation['id']}"
        answers = await asyncio.gather(
            shop.post(f"{path}/resend"),
            shop.post(f"{path}/withdraw"),
            shop.delete(f"/links/{link['id']}"),
            world.client.post("/invitations/decline", json={"token": token}),
            world.client.post("/invitations/accept", json=acceptance(token)),
        )
        assert {answer.status_code for answer in answers} <= {200, 201, 204, 409}
        history = (await shop.get(f"/links/{link['id']}/history")).json()["history"]
        assert [line["version"] for line in history] == list(range(len(history), 0, -1))
        assert (await status(shop, invitation)) in ("withdrawn", "declined", "accepted")


async def test_sent_again_only_the_newest_mail_counts(post: Post, world: World) -> None:
    shop = await world.account("shop")
    _, invitation = await invited(shop)
    first = (await post.latest(EMAIL)).token
    resent = await shop.post(f"/invitations/{invitation['id']}/resend")
    assert resent.json()["expires_at"] > invitation["expires_at"]
    second = (await post.latest(EMAIL, 2)).token
    old = await world.client.post("/invitations/look", json={"token": first})
    assert (old.status_code, kind_of(old)) == (409, "invitation-ended")
    assert (await world.client.post("/invitations/look", json={"token": second})).status_code == 200
    codes = [(await shop.post(f"/invitations/{invitation['id']}/resend")).status_code for _ in range(3)]
    assert codes == [200, 429, 429]


async def test_after_72_hours_it_has_expired_until_it_is_sent_again(
    post: Post, world: World, settings: Settings
) -> None:
    shop = await world.account("shop")
    _, invitation = await invited(shop)
    token = (await post.latest(EMAIL)).token
    database = Database(settings.database_url)
    async with database.transaction() as connection:
        await connection.execute(
            text("UPDATE invitations SET expires_at = :past"), {"past": datetime.now(UTC)}
        )
    await database.close()
    assert await status(shop, invitation) == "expired"
    late = await world.client.post("/invitations/accept", json=acceptance(token))
    assert (late.status_code, kind_of(late)) == (409, "invitation-ended")
    assert (await shop.post(f"/invitations/{invitation['id']}/resend")).json()["status"] == "open"
    token = (await post.latest(EMAIL, 2)).token
    assert (await world.client.post("/invitations/accept", json=acceptance(token))).status_code == 201


async def test_a_3pl_invites_a_shop_in_german(post: Post, world: World) -> None:
    threepl = await world.account("threepl")
    link, _ = await invited(threepl, "laden@shop.example", language="de")
    assert (link["shop_id"], link["started_by"], link["threepl_id"]) == (None, "threepl", threepl.id)
    mail = await post.latest("laden@shop.example")
    assert mail.subject == "The threepl lädt Sie zu Orderdock ein"
    assert "ein Logistikdienstleister" in mail.text


async def test_anothers_invitation_is_not_there_and_operators_read_all(post: Post, world: World) -> None:
    shop, stranger = await world.account("shop"), await world.account("shop")
    _, invitation = await invited(shop)
    path = f"/invitations/{invitation['id']}"
    assert (await world.operator.get(path)).json()["id"] == invitation["id"]
    assert (await world.operator.get("/invitations")).json()["invitations"][0]["id"] == invitation["id"]
    assert (await stranger.get("/invitations")).json()["invitations"] == []
    for answer in (
        await stranger.get(path),
        await stranger.post(f"{path}/resend"),
        await stranger.post(f"{path}/withdraw"),
    ):
        assert (answer.status_code, kind_of(answer)) == (404, "not-found")

"""`orderdock invitations`: sent, sent again, withdrawn, accepted, attached, declined."""

import uuid
from typing import Any

import pytest

from tests.component.command_line.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHOP, THREEPL = ("--as", "teapot"), ("--as", "north")
PASSWORD = "correct horse battery"


async def invited(pair: Desk) -> dict[str, Any]:
    """An open invitation to an e-mail that nobody has."""
    link = await pair.ask("links", "start", f"{uuid.uuid4().hex}@example.com", *SHOP)
    found = await pair.ask("invitations", "list", *SHOP)
    return next(each for each in found if each["link_id"] == link["id"])


async def test_a_link_with_an_email_of_nobody_says_that_an_invitation_goes_there(pair: Desk) -> None:
    email = f"{uuid.uuid4().hex}@example.com"
    assert (await pair.run("invitations", "list", *SHOP)).out == "No invitation was sent.\n"
    said = await pair.run("links", "start", email, "--language", "de", *SHOP)
    assert said.out.endswith(f"Nobody there had this e-mail, so an invitation goes to {email}.\n")
    [invitation] = await pair.ask("invitations", "list", *SHOP)
    assert (invitation["email"], invitation["status"], invitation["language"]) == (email, "open", "de")
    assert email in (await pair.run("invitations", "list", *SHOP)).out
    assert email in (await pair.run("links", "list", *SHOP)).out


async def test_an_invitation_is_sent_again_until_that_is_too_often(pair: Desk) -> None:
    invitation = await invited(pair)
    first = await pair.token(invitation["email"])
    said = await pair.run("invitations", "resend", invitation["id"], *SHOP)
    assert said.out.startswith(f"A new mail goes to {invitation['email']}; it is good until ")
    assert await pair.token(invitation["email"], 2) != first
    again = await pair.ask("invitations", "resend", invitation["id"], *SHOP)
    assert again["status"] == "open"
    refused = await pair.run("invitations", "resend", invitation["id"], *SHOP)
    assert refused.exit_code == 1
    assert refused.error.startswith("Too many mails; try again in ")


async def test_an_invitation_is_withdrawn_with_its_link(pair: Desk) -> None:
    invitation = await invited(pair)
    kept = await pair.run("invitations", "withdraw", invitation["id"], *SHOP, typed="n\n")
    assert kept.exit_code == 1
    withdrawn = await pair.ask("invitations", "withdraw", invitation["id"], "--yes", *SHOP)
    assert withdrawn["status"] == "withdrawn"
    assert (await pair.ask("invitations", "show", invitation["id"], *SHOP))["status"] == "withdrawn"
    assert "withdrawn" in (await pair.run("invitations", "show", invitation["id"], *SHOP)).out
    assert (await pair.ask("links", "show", invitation["link_id"], *SHOP))["status"] == "deleted"
    again = await pair.run("invitations", "withdraw", invitation["id"], "--yes", *SHOP)
    assert again.error.startswith("This invitation was accepted, declined or withdrawn,")


async def test_who_was_invited_looks_and_accepts_with_a_new_account(pair: Desk) -> None:
    invitation = await invited(pair)
    address = await pair.token(invitation["email"])
    offer = await pair.ask("invitations", "look", typed=address)
    assert (offer["kind"], offer["inviter_name"], offer["account_exists"]) == (
        "threepl",
        "Teapot & Co",
        False,
    )
    looked = await pair.run("invitations", "look", typed=address.partition("#")[2])
    assert f"{invitation['email']}, as a 3PL" in looked.out
    accepting = ["invitations", "accept", "--name", "South Logistics", "--person-name", "Bo"]
    accepted = await pair.ask(*accepting, typed=f"{address}\n{PASSWORD}\n")
    assert accepted["session"]["person"]["name"] == "Bo"
    link = await pair.ask("links", "show", invitation["link_id"], *SHOP)
    assert (link["threepl_id"], link["status"]) == (accepted["account"]["id"], "pending")
    again = await pair.run(*accepting, typed=f"{address}\n{PASSWORD}\n")
    assert again.exit_code == 1
    assert again.error.startswith("This invitation was accepted, declined or withdrawn,")


async def test_accepting_says_who_signs_in_and_shows_no_token_of_the_session(pair: Desk) -> None:
    invitation = await invited(pair)
    address = await pair.token(invitation["email"])
    said = await pair.run("invitations", "accept", "--name", "South Logistics", "--person-name", "Bo",
                          typed=f"{address}\n{PASSWORD}\n")  # fmt: skip
    assert said.out.startswith("South Logistics is the account T-")
    assert f"{invitation['email']} signs in with the password." in said.out
    assert "session" not in said.out


async def test_an_account_that_is_there_takes_an_invitation_to_another_email(pair: Desk) -> None:
    invitation = await invited(pair)
    token = await pair.token(invitation["email"])
    wrong = await pair.run("invitations", "attach", *SHOP, typed=token)
    assert wrong.error.startswith("This invitation is for a 3PL's account.")
    said = await pair.run("invitations", "attach", *THREEPL, typed=token)
    assert said.out == f"The link {invitation['link_id']} is yours too; it is pending.\n"
    assert [link["id"] for link in await pair.ask("links", "list", *THREEPL)] == [invitation["link_id"]]
    second = await pair.token((another := await invited(pair))["email"])
    assert (await pair.ask("invitations", "attach", *THREEPL, typed=second))["id"] == invitation["link_id"]
    assert (await pair.ask("invitations", "show", another["id"], *SHOP))["status"] == "accepted"


async def test_an_invitation_is_declined(pair: Desk) -> None:
    token = await pair.token((await invited(pair))["email"])
    said = await pair.run("invitations", "decline", typed=token)
    assert said.out == "The invitation is declined, and its link is deleted.\n"
    second = await pair.token((await invited(pair))["email"])
    assert await pair.ask("invitations", "decline", typed=second) == {"declined": True}


async def test_a_token_that_is_missing_on_stdin_is_asked_for_in_words(pair: Desk) -> None:
    said = await pair.run("invitations", "look")
    assert said.exit_code == 1
    assert said.error.startswith("Something is missing on stdin: its first line is the token")

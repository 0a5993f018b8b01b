"""What who was invited does with the token of the mail: looks, accepts, attaches an account, declines."""

from typing import Annotated

import typer

from deploy.cli import hidden, output
from deploy.cli.connection import Given, Where, connect, connect_as_nobody
from deploy.cli.options import grouped
from integration.accounts import WITH_ARTICLE
from integration.languages import Language


@grouped
def look(where: Where) -> None:
    """See who invites, and as what; the token is read from stdin or asked for."""
    with connect_as_nobody(where) as integration:
        offer = integration.post("/invitations/look", {"token": hidden.invitation_token()})
    answer = "attach: there is an account with this e-mail" if offer["account_exists"] else "accept"
    about = {
        "from": f"{offer['inviter_name']} ({offer['inviter_id']})",
        "to": f"{offer['email']}, as {WITH_ARTICLE[offer['kind']]}",
        "until (UTC)": output.moment(offer["expires_at"]),
        "answer with": f"{answer}; or decline",
    }
    output.facts(where.as_json, offer, about)


@grouped
def accept(
    name: Annotated[str, typer.Option(help="Of the new account.")],
    person_name: Annotated[str, typer.Option(help="Of its first person, who signs in with the e-mail.")],
    where: Where,
    language: Annotated[Language, typer.Option(help="Of the mails to the new account.")] = "en",
) -> None:
    """Accept an invitation with a new account; token and password are read from stdin or asked for."""
    with connect_as_nobody(where) as integration:
        secrets = {"token": hidden.invitation_token(), "password": hidden.new_password()}
        body = {"name": name, "person_name": person_name, "language": language, **secrets}
        accepted = integration.post("/invitations/accept", body)
    account, link = accepted["account"], accepted["link"]
    output.done(
        where.as_json,
        accepted,
        f"{account['name']} is the account {account['id']}, and {account['email']} signs in with the "
        f"password. The link {link['id']} is {link['status']} until somebody activates it.",
    )


@grouped
def attach(given: Given) -> None:
    """Accept an invitation with the account that calls; the token is read from stdin or asked for."""
    with connect(given) as integration:
        link = integration.post("/invitations/attach", {"token": hidden.invitation_token()})
    output.done(given.as_json, link, f"The link {link['id']} is yours too; it is {link['status']}.")


@grouped
def decline(where: Where) -> None:
    """Decline an invitation: its link is deleted; the token is read from stdin or asked for."""
    with connect_as_nobody(where) as integration:
        integration.post("/invitations/decline", {"token": hidden.invitation_token()})
    output.done(where.as_json, {"declined": True}, "The invitation is declined, and its link is deleted.")

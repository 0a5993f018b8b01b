"""`orderdock invitations`: those that one has sent, and the acts of those who were invited."""

from typing import Annotated, Any

import typer

from deploy.cli import invited, output
from deploy.cli.connection import Given, at, connect
from deploy.cli.options import Most, Yes, grouped
from integration.accounts import WORDS

app = typer.Typer(no_args_is_help=True, help="Invitations: those one has sent, and one that one has got.")

InvitationId = Annotated[str, typer.Argument(metavar="INVITATION_ID")]
COLUMNS: output.Columns = {
    "id": lambda invitation: invitation["id"],
    "status": lambda invitation: invitation["status"],
    "e-mail": lambda invitation: invitation["email"],
    "invited as": lambda invitation: WORDS[invitation["kind"]],
    "until (UTC)": lambda invitation: output.moment(invitation["expires_at"]),
}


@app.command("list")
@grouped
def list_own(given: Given, limit: Most = 50) -> None:
    """List the invitations one has sent; operators see all."""
    with connect(given) as integration:
        found = integration.some("/invitations", limit)
    output.listed(given.as_json, found, COLUMNS, "No invitation was sent.")


@app.command()
@grouped
def show(invitation_id: InvitationId, given: Given) -> None:
    """Show an invitation one has sent."""
    with connect(given) as integration:
        invitation = integration.get(at("invitations", invitation_id))
    about = {name: of(invitation) for name, of in COLUMNS.items()}
    more = {"sent (UTC)": output.moment(invitation["sent_at"]), "link": invitation["link_id"]}
    output.facts(given.as_json, invitation, {**about, **more})


@app.command()
@grouped
def resend(invitation_id: InvitationId, given: Given) -> None:
    """Send an invitation's mail again; the token of the one before works no more."""
    invitation = _post(invitation_id, "resend", given)
    until = output.moment(invitation["expires_at"])
    output.done(
        given.as_json, invitation, f"A new mail goes to {invitation['email']}; it is good until {until} UTC."
    )


@app.command()
@grouped
def withdraw(invitation_id: InvitationId, given: Given, yes: Yes = False) -> None:
    """Withdraw an invitation: its link is deleted."""
    if not yes:
        output.sure("This withdraws the invitation and deletes its link for good. Withdraw it?")
    invitation = _post(invitation_id, "withdraw", given)
    output.done(given.as_json, invitation, f"The invitation of {invitation['email']} is withdrawn.")


app.command()(invited.look)
app.command()(invited.accept)
app.command()(invited.attach)
app.command()(invited.decline)


def _post(invitation_id: str, act: str, given: Given) -> dict[str, Any]:
    with connect(given) as integration:
        invitation: dict[str, Any] = integration.post(at("invitations", invitation_id, act))
    return invitation

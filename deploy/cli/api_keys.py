"""`orderdock accounts keys`: an account's API keys."""

from typing import Annotated, get_args

import typer

from deploy.cli import output
from deploy.cli.connection import Connection, Given, at, connect
from deploy.cli.options import AccountOption, Most, grouped
from shared.contracts.callers import Scope

app = typer.Typer(no_args_is_help=True, help="An account's API keys.")

SCOPES = get_args(Scope)
COLUMNS: output.Columns = {
    "id": lambda key: key["id"],
    "name": lambda key: key["name"],
    "scopes": lambda key: ", ".join(key["scopes"]),
    "since (UTC)": lambda key: output.moment(key["created_at"]),
    "revoked (UTC)": lambda key: output.moment(key["revoked_at"]),
}


@app.command("list")
@grouped
def list_all(given: Given, account: AccountOption = "", limit: Most = 50) -> None:
    """List an account's API keys, revoked ones too."""
    with connect(given, "operator") as integration:
        found = integration.some(_keys(integration, account), limit)
    output.listed(given.as_json, found, COLUMNS, "This account has no API keys.")


@app.command()
@grouped
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    given: Given,
    scope: Annotated[
        list[str] | None, typer.Option(metavar="|".join(SCOPES), help="What it may do. None named: all.")
    ] = None,
    account: AccountOption = "",
) -> None:
    """Make an API key; its secret is shown only now."""
    body = {"name": name, "scopes": scope or SCOPES}
    with connect(given, "operator") as integration:
        made = integration.post(_keys(integration, account), body)
    shown = {name: of(made) for name, of in COLUMNS.items() if of(made)}
    output.facts(given.as_json, made, {**shown, "secret, shown only now": made["secret"]})


@app.command()
@grouped
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID")], given: Given, account: AccountOption = ""
) -> None:
    """Revoke an API key: it gets no access token from now on."""
    with connect(given, "operator") as integration:
        integration.delete(_keys(integration, account) + at(key_id))
    output.done(
        given.as_json,
        {"revoked": key_id},
        f"{key_id} is revoked; an access token it has got works for 15 minutes at most.",
    )


def _keys(integration: Connection, account: str) -> str:
    return at("accounts", account or integration.own_account(), "api-keys")

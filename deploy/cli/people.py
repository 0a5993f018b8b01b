"""`orderdock accounts people`: an account's people, their roles and, of a 3PL, the shops they see."""

from typing import Annotated, Any, get_args

import typer

from deploy.cli import output
from deploy.cli.connection import Connection, Given, at, connect
from deploy.cli.options import AccountOption, Most, grouped
from shared.contracts.callers import Role

app = typer.Typer(no_args_is_help=True, help="An account's people.")

ROLES = "|".join(get_args(Role))
PersonId = Annotated[str, typer.Argument(metavar="PERSON_ID")]
COLUMNS: output.Columns = {
    "id": lambda person: person["id"],
    "name": lambda person: person["name"],
    "e-mail": lambda person: person["email"],
    "roles": lambda person: ", ".join(sorted(person["roles"])),
    "shops": lambda person: "all" if person["clients"] is None else ", ".join(sorted(person["clients"])),
    "since (UTC)": lambda person: output.moment(person["created_at"]),
}


@app.command("list")
@grouped
def list_all(given: Given, account: AccountOption = "", limit: Most = 50) -> None:
    """List an account's people."""
    with connect(given, "operator") as integration:
        found = integration.some(_people(integration, account), limit)
    output.listed(given.as_json, found, COLUMNS, "This account has no people.")


@app.command()
@grouped
def add(
    email: Annotated[str, typer.Option(help="What the person signs in with.")],
    name: Annotated[str, typer.Option()],
    role: Annotated[list[str], typer.Option(metavar=ROLES, help="May be given several times.")],
    given: Given,
    client: Annotated[
        list[str] | None,
        typer.Option(metavar="SHOP_ID", help="Limits somebody of a 3PL to this shop, and others named so."),
    ] = None,
    account: AccountOption = "",
) -> None:
    """Add a person; a mail lets them choose a password."""
    body = {"email": email, "name": name, "roles": role, "clients": client or None}
    with connect(given, "operator") as integration:
        added = integration.post(_people(integration, account), body)
    output.facts(given.as_json, added, _facts(added))


@app.command()
@grouped
def change(
    person_id: PersonId,
    given: Given,
    name: Annotated[str | None, typer.Option()] = None,
    role: Annotated[
        list[str] | None, typer.Option(metavar=ROLES, help="The roles from now on: all of them.")
    ] = None,
    client: Annotated[
        list[str] | None, typer.Option(metavar="SHOP_ID", help="The shops from now on: all of them.")
    ] = None,
    all_clients: Annotated[bool, typer.Option("--all-clients", help="No limit to some shops.")] = False,
    account: AccountOption = "",
) -> None:
    """Change a person's name, roles or shops; what is not named stays."""
    if client and all_clients:
        raise typer.BadParameter("says the opposite of --client", param_hint="--all-clients")
    named = {"name": name, "roles": role or None, "clients": client or None}
    changes = {field: value for field, value in named.items() if value is not None}
    with connect(given, "operator") as integration:
        path = _people(integration, account) + at(person_id)
        found = integration.get(path)
        body = {field: found[field] for field in named} | changes | ({"clients": None} if all_clients else {})
        changed = integration.put(path, body)
    output.facts(given.as_json, changed, _facts(changed))


@app.command()
@grouped
def remove(person_id: PersonId, given: Given, account: AccountOption = "") -> None:
    """Remove a person: their sessions end."""
    with connect(given, "operator") as integration:
        integration.delete(_people(integration, account) + at(person_id))
    output.done(given.as_json, {"removed": person_id}, f"{person_id} is removed.")


def _people(integration: Connection, account: str) -> str:
    return at("accounts", account or integration.own_account(), "people")


def _facts(person: dict[str, Any]) -> dict[str, object]:
    return {name: of(person) for name, of in COLUMNS.items()}

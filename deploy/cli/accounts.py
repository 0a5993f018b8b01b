"""`orderdock accounts`: operators make and list them and set plans, each account reads its own."""

from typing import Annotated, Any

import typer

from deploy.cli import api_keys, output, people
from deploy.cli.connection import Given, at, connect
from deploy.cli.options import Most, grouped
from integration.accounts import WITH_ARTICLE, WORDS, Plan
from integration.languages import Language
from shared.contracts.identifiers import AccountKind

app = typer.Typer(no_args_is_help=True, help="Shops, 3PLs and operators: their plans, API keys and people.")
app.add_typer(api_keys.app, name="keys")
app.add_typer(people.app, name="people")

COLUMNS: output.Columns = {
    "id": lambda account: account["id"],
    "kind": lambda account: WORDS[account["kind"]],
    "name": lambda account: account["name"],
    "e-mail": lambda account: account["email"],
    "plan": lambda account: account["plan"],
    "since (UTC)": lambda account: output.moment(account["created_at"]),
}


@app.command("list")
@grouped
def list_all(given: Given, limit: Most = 50) -> None:
    """List accounts (operators)."""
    with connect(given, "operator") as integration:
        found = integration.some("/accounts", limit)
    output.listed(given.as_json, found, COLUMNS, "There are no accounts.")


@app.command()
@grouped
def show(
    given: Given, account: Annotated[str, typer.Argument(metavar="ID", help="None: one's own.")] = ""
) -> None:
    """Show an account: one's own, or any as an operator."""
    with connect(given, "operator") as integration:
        found = integration.get(at("accounts", account or integration.own_account()))
    output.facts(given.as_json, found, _facts(found))


@app.command()
@grouped
def create(
    kind: Annotated[AccountKind, typer.Option()],
    email: Annotated[str, typer.Option(help="Unique among the accounts of its kind.")],
    name: Annotated[str, typer.Option()],
    given: Given,
    plan: Annotated[Plan, typer.Option()] = "free",
    language: Annotated[Language, typer.Option(help="Of the mails to this account.")] = "en",
) -> None:
    """Make an account (operators)."""
    body = {"kind": kind, "email": email, "name": name, "plan": plan, "language": language}
    with connect(given, "operator") as integration:
        made = integration.post("/accounts", body)
    output.facts(given.as_json, made, _facts(made))


@app.command("plan")
@grouped
def set_plan(account: Annotated[str, typer.Argument(metavar="ID")], plan: Plan, given: Given) -> None:
    """Set an account's plan (operators); one that allows no links turns the account's side of each off."""
    with connect(given, "operator") as integration:
        changed = integration.put(at("accounts", account, "plan"), {"plan": plan})
    output.done(
        given.as_json, changed, f"{changed['name']} ({changed['id']}) has the plan {changed['plan']}."
    )


@app.command()
@grouped
def find(
    whom: Annotated[str, typer.Argument(metavar="EMAIL_OR_ID", help="Exactly, as there is no search.")],
    given: Given,
) -> None:
    """Find the other side: a shop finds 3PLs, a 3PL finds shops."""
    with connect(given) as integration:
        found = integration.get("/directory", **named(whom))
    output.done(given.as_json, found, f"{found['id']} is {WITH_ARTICLE[found['kind']]}: {found['name']}.")


def named(whom: str) -> dict[str, str]:
    """How the API is told of the other side."""
    return {"email" if "@" in whom else "account_id": whom}


def _facts(account: dict[str, Any]) -> dict[str, object]:
    shown = {name: of(account) for name, of in COLUMNS.items()}
    return {**shown, "language of its mails": account["language"]}

"""`orderdock links`: found, started, turned on and off, deleted, with their history."""

import json
from typing import Annotated, Any, Literal

import typer

from deploy.cli import output
from deploy.cli.accounts import named
from deploy.cli.connection import Given, at, connect
from deploy.cli.link_rules import rules
from deploy.cli.link_settings import settings
from deploy.cli.options import LinkId, Most, Yes, grouped
from integration.languages import Language
from shared.contracts.links import Side, Status

app = typer.Typer(no_args_is_help=True, help="The links of shops with 3PLs.")

Version = Annotated[
    int | None, typer.Option("--if-match", metavar="VERSION", help="Only if the link is at this version.")
]


def named_party(link: dict[str, Any], side: Side) -> str:
    """Who is on a side of the link, by name; in place of a missing account, who was invited."""
    return str(link[f"{side}_name"] if link[f"{side}_id"] else link["email"])


def party(link: dict[str, Any], side: Side) -> str:
    """The same with the account's id."""
    return f"{named_party(link, side)} ({link[f'{side}_id'] or 'invited'})"


def switched_on(link: dict[str, Any]) -> str:
    """The sides whose switch is on."""
    switches = {(True, True): "both", (True, False): "shop", (False, True): "3PL", (False, False): "neither"}
    return switches[link["shop_on"], link["threepl_on"]]


COLUMNS: output.Columns = {
    "id": lambda link: link["id"],
    "status": lambda link: link["status"],
    "shop": lambda link: named_party(link, "shop"),
    "3PL": lambda link: named_party(link, "threepl"),
    "on": switched_on,
    "reference": lambda link: link["settings"]["client_reference"],
}
LINES: output.Columns = {
    "version": lambda line: line["version"],
    "time (UTC)": lambda line: output.moment(line["at"]),
    "who": lambda line: "\n".join(filter(None, (line["who"], line["by"]))),
    "act": lambda line: line["act"].replace("_", " "),
    "changes": lambda line: "" if line["act"] == "start" else _changes(line["changes"]),
}


@app.command("list")
@grouped
def list_own(
    given: Given,
    status: Annotated[Status | None, typer.Option()] = None,
    other: Annotated[str | None, typer.Option(metavar="ID", help="The account on the other side.")] = None,
    text: Annotated[
        str | None,
        typer.Option(metavar="WORDS", help="Words of the other side's name, id or e-mail, or the reference."),
    ] = None,
    limit: Most = 50,
) -> None:
    """List one's links; operators see all."""
    with connect(given) as integration:
        found = integration.some("/links", limit, status=status, other_side=other, text=text)
    output.listed(given.as_json, found, COLUMNS, "There are no such links.")


@app.command()
@grouped
def show(link_id: LinkId, given: Given) -> None:
    """Show a link, a deleted one too."""
    with connect(given) as integration:
        link = integration.get(at("links", link_id))
    output.facts(given.as_json, link, _facts(link))


@app.command()
@grouped
def history(link_id: LinkId, given: Given, limit: Most = 50) -> None:
    """Show who changed what of a link, and when."""
    with connect(given) as integration:
        found = integration.some(at("links", link_id, "history"), limit)
    output.listed(given.as_json, found, LINES, "Nothing happened to this link.")


@app.command()
@grouped
def start(
    whom: Annotated[str, typer.Argument(metavar="EMAIL_OR_ID", help="The other side's.")],
    given: Given,
    language: Annotated[Language, typer.Option(help="Of the invitation, if there must be one.")] = "en",
) -> None:
    """Start a link with the other side; an e-mail that nobody has yet is invited by mail."""
    with connect(given) as integration:
        link = integration.post("/links", {**named(whom), "language": language})
    other: Side = "threepl" if link["started_by"] == "shop" else "shop"
    invited = f" Nobody there had this e-mail, so an invitation goes to {link['email']}." * bool(
        link["email"]
    )
    output.done(
        given.as_json,
        link,
        f"The link {link['id']} with {party(link, other)} is pending until that side activates it.{invited}",
    )


@app.command()
@grouped
def activate(link_id: LinkId, given: Given, if_match: Version = None) -> None:
    """Turn one's own switch of a link on."""
    link = _turned(link_id, given, "activate", if_match)
    waits = "" if link["status"] == "active" else ": it waits for the other side's switch"
    output.done(given.as_json, link, f"The link {link['id']} is {link['status']}{waits}.")


@app.command()
@grouped
def deactivate(link_id: LinkId, given: Given, if_match: Version = None) -> None:
    """Turn one's own switch of a link off: its open orders go back to the shop."""
    link = _turned(link_id, given, "deactivate", if_match)
    output.done(
        given.as_json,
        link,
        f"The link {link['id']} is {link['status']}, your switch off; open orders go back to the shop.",
    )


@app.command()
@grouped
def delete(link_id: LinkId, given: Given, yes: Yes = False) -> None:
    """Delete a link for good: decline, withdraw or end it."""
    with connect(given) as integration:
        link = integration.get(at("links", link_id))
        if not yes:
            output.sure(_question(link))
        deleted = integration.delete(at("links", link_id))
    output.done(given.as_json, deleted, f"The link {deleted['id']} is deleted.")


app.command()(settings)
app.command()(rules)


def _facts(link: dict[str, Any]) -> dict[str, object]:
    return {
        "id": link["id"],
        "status": link["status"],
        "shop": party(link, "shop"),
        "3PL": party(link, "threepl"),
        "switched on": switched_on(link),
        "version": link["version"],
        "client reference": link["settings"]["client_reference"],
        "started (UTC)": output.moment(link["created_at"]),
        "changed (UTC)": output.moment(link["changed_at"]),
    }


def _question(link: dict[str, Any]) -> str:
    if link["status"] == "pending":
        fate = "It has had no orders; an invitation for it ends too."
    else:
        fate = "Its open orders go back to the shop, the 3PL keeps all others."
    between = f"{party(link, 'shop')} with {party(link, 'threepl')}"
    return f"This deletes the {link['status']} link of {between} for good. {fate} Delete it?"


def _turned(
    link_id: str, given: Given, verb: Literal["activate", "deactivate"], version: int | None
) -> dict[str, Any]:
    with connect(given) as integration:
        link: dict[str, Any] = integration.post(at("links", link_id, verb), version=version)
    return link


def _changes(changes: dict[str, dict[str, Any]]) -> str:
    return "\n".join(f"{name}: {_said(each['from'])} → {_said(each['to'])}" for name, each in changes.items())


def _said(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)

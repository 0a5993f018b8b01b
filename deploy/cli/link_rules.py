"""`orderdock links rules`: which orders the shop lets a link receive, shown and changed."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.cli import output
from deploy.cli.connection import Given, at, connect
from deploy.cli.options import LinkId, grouped
from deploy.local.errors import PlatformError


@dataclass(frozen=True)
class Wanted:
    """What is to change of the rules, as options; None: it stays."""

    file: Annotated[
        str,
        typer.Option(metavar="FILE", help="Rules as --json prints them; what it leaves out stays. -: stdin."),
    ] = ""
    priority: Annotated[int | None, typer.Option(help="1 is the shop's first choice.")] = None
    share: Annotated[int | None, typer.Option(help="The link's weight among those of its priority.")] = None
    daily_limit: Annotated[int | None, typer.Option(help="The most orders a day (UTC).")] = None
    no_daily_limit: Annotated[bool, typer.Option("--no-daily-limit", help="As many as come.")] = False

    def changes(self) -> dict[str, Any]:
        """The named parts with their values; an option goes before the file."""
        if self.no_daily_limit and self.daily_limit is not None:
            raise typer.BadParameter("says the opposite of --daily-limit", param_hint="--no-daily-limit")
        chosen = {"priority": self.priority, "share": self.share, "daily_limit": self.daily_limit}
        named = {name: value for name, value in chosen.items() if value is not None}
        none = {"daily_limit": None} if self.no_daily_limit else {}
        return {**(_read(self.file) if self.file else {}), **named, **none}


@grouped
def rules(link_id: LinkId, wanted: Wanted, given: Given) -> None:
    """Show a link's rules, or change what is named of them (shop side)."""
    changes, path = wanted.changes(), at("links", link_id)
    with connect(given) as integration:
        link = integration.get(path)
        if changes:
            body = {**link["rules"], **changes}
            link = integration.put(f"{path}/rules", body, version=link["version"])
    output.facts(given.as_json, link["rules"], _facts(link["rules"]))


def _facts(rules: dict[str, Any]) -> dict[str, object]:
    parts = {name: part for name, part in rules.items() if name != "rules"}
    each = {f"rule {number}": _rule(rule) for number, rule in enumerate(rules.get("rules", ()), 1)}
    return {**parts, **each}


def _rule(rule: dict[str, Any]) -> str:
    """Its conditions, all of which must hold."""
    return " and ".join(map(_condition, rule["conditions"]))


def _condition(condition: dict[str, Any]) -> str:
    value = condition["value"]
    values = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    words = condition["field"], condition["operator"], values, condition.get("currency")
    return " ".join(filter(None, words))


def _read(file: str) -> dict[str, Any]:
    try:
        found = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text())
    except (OSError, ValueError) as error:
        raise PlatformError(f"{file} can't be read as JSON: {error}.") from error
    if not isinstance(found, dict):
        raise PlatformError(
            f"{file} must hold one JSON object, as `orderdock links rules ID --json` prints it."
        )
    return found

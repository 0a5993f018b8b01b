"""What a command prints: a table or a sentence for people, one JSON document for programs."""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from deploy.cli.connection import Listed
from deploy.local.mail import harmless

Columns = Mapping[str, Callable[[dict[str, Any]], object]]


def listed(as_json: bool, found: Listed, columns: Columns, nothing: str) -> None:
    """A line for each entry, its first column never cut; says so where there are more."""
    if as_json:
        _print_json(found.entries)
    elif not found.entries:
        _say(nothing)
    else:
        first, *others = columns
        table = Table(Column(first, no_wrap=True), *(Column(name, overflow="fold") for name in others))
        for entry in found.entries:
            table.add_row(*(_text(of(entry)) for of in columns.values()))
        _console().print(table)
    if found.more:
        typer.echo("There are more: --limit takes a higher number.", err=as_json)


def facts(as_json: bool, document: Any, about: Mapping[str, object]) -> None:
    """One thing: a line for each fact about it."""
    if as_json:
        _print_json(document)
        return
    table = Table(Column(no_wrap=True), Column(overflow="fold"), show_header=False)
    for name, fact in about.items():
        table.add_row(name, _text(fact))
    _console().print(table)


def done(as_json: bool, document: Any, sentence: str) -> None:
    """What was done."""
    if as_json:
        _print_json(document)
    else:
        _say(sentence)


def sure(question: str) -> None:
    """Ask, on stderr; anything but a yes ends the command with exit code 1."""
    typer.confirm(harmless(question), abort=True, err=True)


def moment(at: str | None) -> str:
    """A time of the API, in UTC, to the minute."""
    return "" if at is None else f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M}"


def _print_json(document: Any) -> None:
    print(json.dumps(document, indent=2), flush=True)


def _say(sentence: str) -> None:
    print(harmless(sentence), flush=True)


def _text(fact: object) -> Text:
    """A cell; what others wrote neither steers the terminal nor is read as markup."""
    return Text("" if fact is None else harmless(str(fact)))


def _console() -> Console:
    # Where no terminal says how wide it is, a line is as long as what it tells.
    return Console(width=None if sys.stdout.isatty() else 10_000)

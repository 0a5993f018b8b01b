"""`orderdock endpoints pace`: how fast and how often an endpoint is tried, shown and changed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from deploy.cli import output
from deploy.cli.connection import at
from deploy.cli.delivery_options import GivenDispatcher, connect_dispatcher
from deploy.cli.delivery_times import seconds
from deploy.cli.endpoint_facts import EndpointId, paced
from deploy.cli.options import grouped

DEFAULT = "default"


@dataclass(frozen=True)
class Wanted:
    """What is to change of the pace, as options; None: it stays."""

    concurrency: Annotated[
        str | None, typer.Option(metavar=f"NUMBER|{DEFAULT}", help="The most attempts at once.")
    ] = None
    rate: Annotated[
        str | None, typer.Option(metavar=f"NUMBER|{DEFAULT}", help="The most attempts begun a second.")
    ] = None
    retry_schedule: Annotated[
        str | None,
        typer.Option(
            metavar=f"SPAN,...|{DEFAULT}",
            help="The wait before each further attempt, 5s,30s,2min,1h say; after the last it is given up.",
        ),
    ] = None

    def changes(self) -> dict[str, Any]:
        """The named parts as the API takes them; null is the service's default."""
        parts: dict[str, tuple[str | None, Callable[[str], Any]]] = {
            "concurrency": (self.concurrency, _whole),
            "rate": (self.rate, _rate),
            "retry_schedule": (self.retry_schedule, _spans),
        }
        return {
            name: None if given == DEFAULT else read(given)
            for name, (given, read) in parts.items()
            if given is not None
        }


@grouped
def pace(endpoint_id: EndpointId, wanted: Wanted, given: GivenDispatcher) -> None:
    """Show an endpoint's pace, or change what is named of it (3PL); `default` is the service's own.

    Example: orderdock endpoints pace ep_1f0c6c5e1d5b54a59b0e3f1d3c1f7a11 --retry-schedule 10s,5min,1h
    """
    changes, path = wanted.changes(), at("endpoints", endpoint_id)
    with connect_dispatcher(given) as dispatcher:
        found = dispatcher.get(path)["pace"]
        if changes:
            found = dispatcher.put(f"{path}/pace", {**found, **changes})["pace"]
    output.facts(given.as_json, found, paced(found))


def _whole(given: str) -> int:
    try:
        return int(given)
    except ValueError as error:
        raise _wrong(given, f"a whole number, or {DEFAULT}", "--concurrency") from error


def _rate(given: str) -> float:
    try:
        return float(given)
    except ValueError as error:
        raise _wrong(given, f"a number such as 5 or 0.5, or {DEFAULT}", "--rate") from error


def _spans(given: str) -> list[float]:
    return [seconds(each, "--retry-schedule") for each in given.split(",")]


def _wrong(given: str, right: str, option: str) -> typer.BadParameter:
    return typer.BadParameter(f"{given!r} is not {right}", param_hint=option)

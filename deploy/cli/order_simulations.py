"""`orderdock orders simulate`: where the shop's last orders would go under other rules of a link."""

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from deploy.cli import output
from deploy.cli.connection import GivenRouter, Listed, at, connect
from deploy.cli.link_rules import Wanted
from deploy.cli.options import grouped
from deploy.cli.order_progress import Tell, progress
from deploy.cli.order_streams import lines
from deploy.local.api import BrokenOff
from deploy.local.errors import PlatformError

LINKS: output.Columns = {
    "goes to": lambda row: row["link_id"],
    "now": lambda row: row["now"],
    "under these rules": lambda row: row["proposed"],
    "change": lambda row: f"{row['proposed'] - row['now']:+}" if row["proposed"] != row["now"] else "",
}
EXAMPLES: output.Columns = {
    "order": lambda moved: moved["order_id"],
    "number": lambda moved: moved["number"],
    "goes now to": lambda moved: _goes_to(moved["now"]),
    "and would to": lambda moved: _goes_to(moved["proposed"]),
}


@grouped
def simulate(
    link_id: Annotated[
        str, typer.Option("--link", metavar="LINK_ID", help="Whose rules: see `orderdock links list`.")
    ],
    wanted: Wanted,
    given: GivenRouter,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="How many of the newest orders.")] = 1000,
) -> None:
    """Try rules of a link on the shop's last orders (shop): what would go elsewhere. Nothing is changed.

    The rules are given as to `orderdock links rules`, and what isn't given is as the link has it.

    The shop's links count as they are now, daily limits not at all.

    Example: orderdock orders simulate --link 5f0c6c5e-1d5b-4a52-9b0e-3f1d3c1f7a11 --file rules.json
    """
    changes = wanted.changes()
    with connect(given) as integration:
        rules = {**integration.get(at("links", link_id))["rules"], **changes}
    with progress("Orders tried") as tell:
        result = _result(given, {"link_id": link_id, "rules": rules, "last": last}, tell)
    if given.as_json:
        output.done(True, result, "")
        return
    shop = {"link_id": "the shop", **result["shop"]}
    output.listed(False, Listed([*result["links"], shop], more=False), LINKS, "")
    if result["examples"]:
        output.listed(False, Listed(result["examples"], more=False), EXAMPLES, "")
    output.done(False, None, " ".join(_sentences(result)))


def _result(given: GivenRouter, proposal: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """What the router answers last; it tells until then how far it is."""
    results: list[dict[str, Any]] = []

    def take(line: bytes) -> None:
        document = json.loads(line)
        if document["type"] == "progress":
            tell(document["done"], document["of"])
        elif document["type"] == "result":
            results.append(document)

    try:
        with connect(given, service="order-router") as router:
            router.stream("POST", "/simulations", lines(take), proposal)
    except BrokenOff as error:
        raise PlatformError(f"{error} There is no result: try again.") from error
    if not results:
        raise PlatformError("The answer ended without a result. Try again.")
    return results[0]


def _goes_to(decision: dict[str, Any]) -> str:
    return decision["link_id"] or f"the shop: {decision['reason']}"


def _sentences(result: dict[str, Any]) -> Iterable[str]:
    moving, decided = result["moving"], result["decided"]
    yield f"Of {decided:,} orders, {moving:,} would go elsewhere; daily limits have no part in it."
    if moving > len(result["examples"]):
        yield f"The table shows the newest {len(result['examples'])} of them."
    if result["not_routable"]:
        yield f"{result['not_routable']:,} more were never to be routed."
    if result["unreadable"]:
        yield f"{result['unreadable']:,} more can't be read any more."

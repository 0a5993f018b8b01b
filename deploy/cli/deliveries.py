"""`orderdock deliveries`: the webhooks, each with its attempts, listed, shown and sent again."""

from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import typer

from deploy.cli import delivery_facts, output, resends
from deploy.cli.connection import Connection, Listed, at
from deploy.cli.delivery_options import Filters, GivenDispatcher, connect_dispatcher
from deploy.cli.options import Most, grouped
from deploy.local.errors import PlatformError

app = typer.Typer(
    no_args_is_help=True, help="Webhooks: what was sent where, what came of it, and sent again."
)
app.add_typer(resends.app, name="resends")

OUTCOMES: output.Columns = {
    "id": lambda outcome: outcome["id"],
    "outcome": lambda outcome: outcome["problem"] or "it goes out again",
}


@app.command("list")
@grouped
def list_seen(given: GivenDispatcher, filters: Filters, limit: Most = 50) -> None:
    """List deliveries: a 3PL sees its own, operators all.

    Example: orderdock deliveries list --status refused --status exhausted --since 2d
    """
    query = filters.query()
    with connect_dispatcher(given) as dispatcher:
        found = dispatcher.some("/deliveries", limit, **query)
    output.listed(given.as_json, found, delivery_facts.COLUMNS, _nothing(query))


@app.command()
@grouped
def show(delivery_id: Annotated[str, typer.Argument(metavar="ID")], given: GivenDispatcher) -> None:
    """Show a delivery: its body, every attempt with what was answered, and what comes next."""
    with connect_dispatcher(given) as dispatcher:
        found = dispatcher.get(at("deliveries", delivery_id))
    output.facts(given.as_json, found, delivery_facts.of(found))
    if given.as_json:
        return
    made = Listed(found["made"], more=False)
    output.listed(False, made, delivery_facts.ATTEMPTS, "No attempt was made so far.")
    if said := delivery_facts.next_step(found):
        output.done(False, None, said)


@app.command()
@grouped
def resend(
    delivery_ids: Annotated[list[str], typer.Argument(metavar="ID...")], given: GivenDispatcher
) -> None:
    """Send deliveries again, under the same webhook-id, on a new schedule (3PL).

    Exits 1 if one of them was refused.

    Example: orderdock deliveries resend msg_7d0c1f6f0c5e5b0b9d7a3e1f2a4b6c8d
    """
    with connect_dispatcher(given) as dispatcher:
        if len(delivery_ids) == 1:
            document = dispatcher.post(at("deliveries", delivery_ids[0], "resend"))
            output.done(given.as_json, document, _again(document))
            return
        outcomes = list(_all(dispatcher, list(dict.fromkeys(delivery_ids))))
    refused = sum(outcome["problem"] is not None for outcome in outcomes)
    if given.as_json:
        output.done(True, {"outcomes": outcomes, "refused": refused}, "")
    else:
        output.listed(False, Listed(outcomes, more=False), OUTCOMES, "")
    if refused:
        raise typer.Exit(1)


app.command("resend-since")(resends.resend_since)


def _all(dispatcher: Connection, delivery_ids: list[str]) -> Iterator[dict[str, Any]]:
    """What came of each; a refusal of one doesn't keep the others."""
    for done, delivery_id in enumerate(delivery_ids):
        try:
            document = dispatcher.post(at("deliveries", delivery_id, "resend"))
            yield {"id": delivery_id, "delivery": document, "problem": None}
        except PlatformError as error:
            if isinstance(error.__cause__, httpx.TransportError):
                raise PlatformError(
                    f"{error} It broke off at {delivery_id}: {done} of {len(delivery_ids)} were dealt with."
                ) from error
            yield {"id": delivery_id, "delivery": None, "problem": str(error)}


def _again(delivery: dict[str, Any]) -> str:
    again = f"The delivery {delivery['id']} ({delivery_facts.order(delivery)}) goes out again."
    if delivery["next_attempt_at"] is None and not delivery["in_flight"]:
        return f"{again} {delivery_facts.next_step(delivery)}"
    return f"{again} `orderdock deliveries show {delivery['id']}` shows what comes of it."


def _nothing(query: dict[str, Any]) -> str:
    if query:
        return "There are no such deliveries."
    return (
        "There are no deliveries: they come with orders of a link that has a `webhook_url` in its settings."
    )

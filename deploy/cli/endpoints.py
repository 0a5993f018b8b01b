"""`orderdock endpoints`: where webhooks go: listed, shown, enabled again; what is set has its own files."""

from typing import Annotated, Any

import typer

from deploy.cli import (
    endpoint_facts,
    endpoint_health,
    endpoint_pace,
    endpoint_signing,
    endpoint_trials,
    output,
)
from deploy.cli.connection import at
from deploy.cli.delivery_options import GivenDispatcher, LinkOption, ShopOption, connect_dispatcher
from deploy.cli.endpoint_facts import EndpointId
from deploy.cli.options import grouped

app = typer.Typer(no_args_is_help=True, help="Endpoints: the URLs that webhooks go to, and how each fares.")


@app.command("list")
@grouped
def list_seen(
    given: GivenDispatcher,
    link_id: LinkOption = None,
    shop_id: ShopOption = None,
    enabled: Annotated[
        bool | None, typer.Option("--enabled/--disabled", help="Only those that are so.")
    ] = None,
    failing: Annotated[
        bool | None, typer.Option("--failing/--healthy", help="Only those that fail, or that don't.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
) -> None:
    """List endpoints: a 3PL sees its own, operators all."""
    query: dict[str, Any] = {"link_id": link_id, "shop_id": shop_id, "enabled": enabled, "failing": failing}
    with connect_dispatcher(given) as dispatcher:
        found = dispatcher.some("/endpoints", limit, **query)
    output.listed(given.as_json, found, endpoint_facts.COLUMNS, _nothing(query))


@app.command()
@grouped
def show(endpoint_id: EndpointId, given: GivenDispatcher) -> None:
    """Show an endpoint."""
    with connect_dispatcher(given) as dispatcher:
        found = dispatcher.get(at("endpoints", endpoint_id))
    output.facts(given.as_json, found, endpoint_facts.of(found))
    said = endpoint_facts.next_step(found)
    if said and not given.as_json:
        output.done(False, None, said)


@app.command()
@grouped
def enable(endpoint_id: EndpointId, given: GivenDispatcher) -> None:
    """Enable a disabled endpoint (3PL): what waits for it goes out now."""
    with connect_dispatcher(given) as dispatcher:
        enabled = dispatcher.post(at("endpoints", endpoint_id, "enable"))
    output.done(
        given.as_json,
        enabled,
        f"The endpoint {enabled['id']} ({enabled['url']}) is enabled; what waited for it goes out now.",
    )


app.command()(endpoint_health.health)
app.command("test")(endpoint_trials.try_out)
app.command()(endpoint_pace.pace)
app.command()(endpoint_signing.signing)
app.command()(endpoint_signing.secret)
app.command()(endpoint_signing.rotate)


def _nothing(query: dict[str, Any]) -> str:
    if any(value is not None for value in query.values()):
        return "There are no such endpoints."
    return "There are no endpoints: a link has one once `orderdock links settings` gives it a --webhook-url."

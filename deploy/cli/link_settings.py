"""`orderdock links settings`: the 3PL side's choices on a link, shown and changed one by one."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from deploy.cli import output
from deploy.cli.connection import Given, at, connect
from deploy.cli.options import LinkId, grouped
from shared.contracts.links import Side


@dataclass(frozen=True)
class Wanted:
    """The settings that are to change, as options; None: this one stays."""

    shipping_rules_from: Annotated[
        Side | None, typer.Option(help="Whose carriers, rates and shipping rules apply.")
    ] = None
    charge_to: Annotated[Side | None, typer.Option(help="Whose account is billed for the shipments.")] = None
    support_tickets_from: Annotated[
        Side | None, typer.Option(help="Whose account opens and answers carrier support tickets.")
    ] = None
    client_reference: Annotated[str | None, typer.Option(help="The 3PL's own id for this shop.")] = None
    webhook_url: Annotated[str | None, typer.Option(help="Where the 3PL is told of orders.")] = None
    no_webhook_url: Annotated[bool, typer.Option("--no-webhook-url", help="No webhooks.")] = False
    open_orders: Annotated[
        bool,
        typer.Option(
            "--open-orders", help="All the settings apply to open orders too, not only to new ones."
        ),
    ] = False

    def changes(self) -> dict[str, Any]:
        """The named settings with their values."""
        if self.no_webhook_url and self.webhook_url is not None:
            raise typer.BadParameter("says the opposite of --webhook-url", param_hint="--no-webhook-url")
        chosen = {
            "shipping_rules_from": self.shipping_rules_from,
            "charge_to": self.charge_to,
            "support_tickets_from": self.support_tickets_from,
            "client_reference": self.client_reference,
            "webhook_url": self.webhook_url,
        }
        named = {name: value for name, value in chosen.items() if value is not None}
        return {**named, "webhook_url": None} if self.no_webhook_url else named


@grouped
def settings(link_id: LinkId, wanted: Wanted, given: Given) -> None:
    """Show a link's settings, or change those that are named (3PL side)."""
    changes, path = wanted.changes(), at("links", link_id)
    with connect(given) as integration:
        link = integration.get(path)
        if changes or wanted.open_orders:
            link = integration.put(
                f"{path}/settings",
                {**link["settings"], **changes},
                version=link["version"],
                apply_to="open_orders" if wanted.open_orders else "new_orders",
            )
    output.facts(given.as_json, link["settings"], link["settings"])

"""Options of the commands about webhooks: where the webhook-dispatcher is, and which deliveries are meant."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from deploy.cli.connection import Connection, Given, WebhookDispatcherUrl, connect
from deploy.cli.delivery_times import moment
from deploy.cli.order_names import EXAMPLE, named

STATUSES = "waiting|delivered|refused|exhausted|withdrawn"
TIMES = "2026-11-24, 2026-11-24T08:30+01:00, or 2h, 3d: so long ago"

LinkOption = Annotated[
    str | None,
    typer.Option("--link", metavar="LINK_ID", help="Only of this link: see `orderdock links list`."),
]
ShopOption = Annotated[str | None, typer.Option("--shop", metavar="SHOP_ID", help="Only of this shop.")]


@dataclass(frozen=True)
class GivenDispatcher(Given):
    """The options of a command that calls the webhook-dispatcher."""

    webhook_dispatcher_url: WebhookDispatcherUrl = ""

    def urls(self) -> dict[str, str]:
        return {**super().urls(), "webhook-dispatcher": self.webhook_dispatcher_url}


@dataclass(frozen=True)
class Which:
    """What all of the deliveries are for; None: it doesn't matter."""

    link_id: LinkOption = None
    endpoint_id: Annotated[
        str | None,
        typer.Option(
            "--endpoint", metavar="ENDPOINT_ID", help="Only for this one: see `orderdock endpoints list`."
        ),
    ] = None
    shop_id: ShopOption = None
    order: Annotated[
        str | None,
        typer.Option(metavar="SHOP_ID/ORDER_ID", help=f"Only of this order: {EXAMPLE}."),
    ] = None

    def query(self) -> dict[str, Any]:
        """What is named, as the API takes it."""
        if self.order is not None and self.shop_id is not None:
            raise typer.BadParameter("--order names the shop too: give one of the two", param_hint="--shop")
        order = {} if self.order is None else named(self.order).key
        chosen = {"link_id": self.link_id, "endpoint_id": self.endpoint_id, "shop_id": self.shop_id, **order}
        return {name: value for name, value in chosen.items() if value is not None}


@dataclass(frozen=True)
class Filters(Which):
    """Which deliveries a list holds."""

    status: Annotated[
        list[str] | None, typer.Option(metavar=STATUSES, help="How they stand; again for another status.")
    ] = None
    event_type: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="order.created, order.updated or webhook.test."),
    ] = None
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"Their events happened then or later: {TIMES}.")
    ] = None
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Their events happened before; a day alone is its first moment, in UTC."
        ),
    ] = None

    def query(self) -> dict[str, Any]:
        own = {
            "status": self.status or None,
            "type": self.event_type,
            "since": moment(self.since, "--since"),
            "until": moment(self.until, "--until"),
        }
        return {**super().query(), **{name: value for name, value in own.items() if value is not None}}


def connect_dispatcher(given: GivenDispatcher) -> Connection:
    """A connection to the webhook-dispatcher, in a data folder with one 3PL under that one's key."""
    return connect(given, "threepl", "webhook-dispatcher")

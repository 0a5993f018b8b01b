"""`orderdock orders ship`: orders were handed to a carrier, each with its tracking number and parcels."""

from typing import Annotated, Any

import typer
from pydantic import ValidationError

from deploy.cli.connection import GivenRouter
from deploy.cli.options import grouped
from deploy.cli.order_names import Orders
from deploy.cli.order_outcomes import Act, perform
from shared.contracts.cloudevents import first_fault
from shared.contracts.shipments import Parcel

FIELDS = tuple(Parcel.model_fields)
EXAMPLE = "weight=1200,length=300,width=200,height=150"


@grouped
def ship(
    orders: Orders,
    carrier: Annotated[
        str, typer.Option(help="Who carries them, DHL say, unless their line says otherwise.")
    ],
    given: GivenRouter,
    tracking_number: Annotated[
        str, typer.Option(help="Of all of them, unless a tab and its own follows an order in its line.")
    ] = "",
    parcel: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE,...",
            help=f"A parcel, again for each: weight in grams, sides in millimetres, as {EXAMPLE}; with "
            "tracking_number its own. None of these must be there.",
        ),
    ] = None,
) -> None:
    """Say that open, picked or queued orders were handed to a carrier (3PL).

    What the shop still asks of them is refused by it.

    In a file of orders, a tab and its tracking number may follow each.

    A line that is a JSON object may hold the order's own carrier, tracking_number and parcels.

    Example: orderdock orders ship S-7F3K-9QXC/1001 --carrier DHL --tracking-number JJD01 --parcel weight=1200
    """
    parcels = [_parcel(each) for each in parcel or ()]
    about = {"carrier": carrier, "tracking_number": tracking_number, "parcels": parcels}
    perform(given, orders, Act(("ship",), "ship", about))


def _parcel(text: str) -> dict[str, Any]:
    """The parcel in `weight=1200,length=300`."""
    named = dict(part.partition("=")[::2] for part in text.split(","))
    wrong = next((name for name in named if name not in FIELDS), None)
    if wrong is not None:
        raise typer.BadParameter(
            f"{wrong!r} is no field of a parcel, which are {', '.join(FIELDS)}: {EXAMPLE}",
            param_hint="--parcel",
        )
    try:
        return Parcel.model_validate(named).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise typer.BadParameter(f"{first_fault(error)}: {text}", param_hint="--parcel") from error

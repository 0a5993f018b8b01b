"""A shipment of an order, as `assignments` carries it: what was sent, and whose terms apply (DESIGN 4.9)."""

from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shared.contracts import cloudevents
from shared.contracts.assignments import SOURCE, key
from shared.contracts.identifiers import ShopId, ThreeplId
from shared.contracts.links import Side
from shared.contracts.orders import OrderId
from shared.contracts.plain_text import plain

SHIPPED: Final = "com.orderdock.shipment.created"

Carrier = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(plain)
]
TrackingNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100), AfterValidator(plain)
]
Millimetres = Annotated[int, Field(ge=1, le=100_000)]


class Parcel(BaseModel):
    """One parcel of a shipment: its weight in grams, its sides in millimetres."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tracking_number: TrackingNumber = ""
    weight: int | None = Field(default=None, ge=1, le=100_000_000)
    length: Millimetres | None = None
    width: Millimetres | None = None
    height: Millimetres | None = None


class Consignment(BaseModel):
    """What was handed to a carrier; without a tracking number it can't be followed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    carrier: Carrier
    tracking_number: TrackingNumber = ""
    parcels: tuple[Parcel, ...] = Field(default=(), max_length=100)


class Shipment(Consignment):
    """An order's consignment, with whose rates and rules, account and tickets apply to it.

    These come from the assignment's snapshot of the link's settings. `sequence` is that of the order's
    event that says it was shipped.
    """

    shop_id: ShopId
    order_id: OrderId
    sequence: int = Field(ge=1)
    threepl_id: ThreeplId
    link_id: str
    client_reference: str
    shipping_rules_from: Side
    charge_to: Side
    support_tickets_from: Side
    shipped_at: AwareDatetime


def event_id(shipment: Shipment) -> str:
    """The stable id of a shipment's event."""
    return f"{key(shipment.shop_id, shipment.order_id)}/{shipment.sequence}/shipment"


def write(shipment: Shipment) -> bytes:
    """The event for `assignments`, under the order's key."""
    return cloudevents.write_raw(
        event_id=event_id(shipment),
        source=SOURCE,
        event_type=SHIPPED,
        subject=key(shipment.shop_id, shipment.order_id),
        time=shipment.shipped_at,
        data=shipment.model_dump_json(),
    )

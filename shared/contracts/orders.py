"""The order document: a snapshot of a shop's order, Orderdock's own (DESIGN 6)."""

from typing import Annotated, Any

import pydantic_core
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared.contracts.cloudevents import first_fault
from shared.contracts.identifiers import ShopId
from shared.errors import UnreadableMessage

ORDER_CREATED = "com.orderdock.order.created"
ORDER_UPDATED = "com.orderdock.order.updated"
ORDER_CANCELLED = "com.orderdock.order.cancelled"

MAX_ORDER_BYTES = 256 * 1024
SOURCE_PREFIX = "/shops/"

Money = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$")]
OrderId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
OrderNumber = Annotated[str, StringConstraints(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]

_NO_CONTENT = {"revision", "updated_at"}


class _Document(BaseModel):
    """A part of the document: known fields are checked, others pass through untouched."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Address(_Document):
    """A postal address; `country` is ISO 3166-1 alpha-2."""

    name: str = ""
    company: str = ""
    street: str = ""
    street2: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: Country | None = None
    phone: str = ""


class Client(_Document):
    """Who bought: the shop's customer with both addresses."""

    name: str = ""
    email: str = ""
    invoicing_address: Address | None = None
    delivery_address: Address | None = None


class Shipping(_Document):
    """How the buyer wants it sent, and what they paid for that."""

    method: str = ""
    price: Money | None = None


class Line(_Document):
    """One article of the order; `weight` is of one piece, in grams."""

    id: str = ""
    sku: str = ""
    name: str = ""
    quantity: int = Field(ge=0, le=1_000_000_000)
    price: Money | None = None
    weight: int | None = Field(default=None, ge=0)
    tags: tuple[str, ...] = ()


class Totals(_Document):
    """The order's sums in its currency, as decimal strings."""

    total: Money
    subtotal: Money | None = None
    shipping: Money | None = None
    tax: Money | None = None
    discount: Money | None = None


class Order(_Document):
    """A snapshot of one shop's order.

    `revision` counts the snapshots of its source, which sends it always or never. An order that is
    not `routable` yet (unpaid, say) waits with the shop.
    """

    shop: ShopId
    id: OrderId
    number: OrderNumber = ""
    revision: int | None = Field(default=None, ge=0, lt=2**53)
    placed_at: AwareDatetime | None = None
    cancelled_at: AwareDatetime | None = None
    currency: Currency
    totals: Totals
    client: Client = Client()
    shipping: Shipping = Shipping()
    lines: tuple[Line, ...]
    tags: tuple[str, ...] = ()
    channel: str = ""
    routable: bool = True


def shop_of(source: str) -> str:
    """The shop id in a CloudEvents source, `/shops/<account id>`; raises `UnreadableMessage`."""
    if not source.startswith(SOURCE_PREFIX):
        raise UnreadableMessage(f"source: is {source!r}, but an order event's source is /shops/<shop id>")
    return source.removeprefix(SOURCE_PREFIX)


def read(document: Any, shop: str) -> Order:
    """The order in an event's data, of the shop that its source names; raises `UnreadableMessage`."""
    if not isinstance(document, dict):
        raise UnreadableMessage("no order: the event's data is not a JSON object")
    if document.get("shop", shop) != shop:
        raise UnreadableMessage(f"shop: the document says {document['shop']!r}, the event's source {shop!r}")
    try:
        return Order.model_validate({**document, "shop": shop})
    except ValidationError as error:
        raise UnreadableMessage(f"no order: {first_fault(error)}") from error


def document(order: Order) -> str:
    """The order as JSON text, with what its source said and no defaults."""
    return order.model_dump_json(exclude_unset=True)


def same_content(document: str, other: str) -> bool:
    """Whether two documents, as JSON text, say the same, leaving out how often and when it was said."""
    return document == other or _content(document) == _content(other)


def _content(document: str) -> dict[str, Any]:
    said: dict[str, Any] = pydantic_core.from_json(document)
    return {name: value for name, value in said.items() if name not in _NO_CONTENT}

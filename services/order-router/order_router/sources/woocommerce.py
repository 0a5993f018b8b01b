"""WooCommerce's order, as its `order.*` webhooks hold it, in Orderdock's words.

Source: WooCommerce REST API v3, Order properties.
"""

import html
import re
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationError

from order_router.sources import values
from order_router.sources.values import Country, Currency, Id, Money, Part
from shared.contracts.cloudevents import first_fault
from shared.errors import UnreadableMessage

ROUTABLE = "processing"
CANCELLED = "cancelled"
REFUNDED = "refunded"

_ENTITY = re.compile(r"&#?\w{1,31};")
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)


def _plain(text: str) -> str:
    """WordPress writes `&` and dashes of names as HTML entities; anything else that has a `&` stays."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text


Words = Annotated[str, AfterValidator(_plain)]


class Address(Part):
    first_name: Words = ""
    last_name: Words = ""
    company: Words = ""
    address_1: Words = ""
    address_2: Words = ""
    postcode: Words = ""
    city: Words = ""
    state: Words = ""
    country: Country | None = None
    phone: Words = ""
    email: str = ""


class Line(Part):
    id: Id
    sku: str = ""
    name: Words = ""
    quantity: int
    price: Money | None = None


class ShippingLine(Part):
    method_title: Words = ""


class WooCommerceOrder(Part):
    id: Id
    number: Id | None = None
    status: str
    currency: Currency
    date_created: str = ""
    date_created_gmt: str = ""
    date_modified: str = ""
    date_modified_gmt: str = ""
    date_completed: str = ""
    date_completed_gmt: str = ""
    created_via: str = ""
    total: Money
    total_tax: Money | None = None
    shipping_total: Money | None = None
    discount_total: Money | None = None
    billing: Address | None = None
    shipping: Address | None = None
    line_items: tuple[Line, ...]
    shipping_lines: tuple[ShippingLine, ...] = ()


# What has its place in the order document. `date_modified` only says again when the snapshot was taken.
_ORDER = {
    *("id", "number", "currency", "created_via"),
    *("date_created_gmt", "date_modified", "date_modified_gmt"),
    *("total", "total_tax", "shipping_total", "discount_total"),
    *("billing", "shipping", "line_items"),
}
_LINE = Line.model_fields.keys()
_ADDRESS = Address.model_fields.keys()
_rest = partial(values.rest, "woocommerce")


def translate(document: dict[str, Any], at: datetime) -> dict[str, Any]:
    """WooCommerce's order as an order document; what has no place of its own is kept under `woocommerce`.

    `at` is the event's time. Raises `UnreadableMessage` if it isn't one.
    """
    try:
        order = WooCommerceOrder.model_validate(document)
    except ValidationError as error:
        raise UnreadableMessage(f"no WooCommerce order: {first_fault(error)}") from error
    modified = _utc(order.date_modified_gmt, order.date_modified)
    return {
        "id": order.id,
        "number": order.number or order.id,
        "placed_at": _utc(order.date_created_gmt, order.date_created),
        "updated_at": modified,
        "cancelled_at": (modified or at.isoformat()) if _is_cancelled(order) else None,
        "currency": order.currency,
        "totals": _totals(order),
        "client": _client(order, document),
        "shipping": _shipping(order),
        "lines": [
            _line(line, raw) for line, raw in zip(order.line_items, document["line_items"], strict=True)
        ],
        "channel": order.created_via,
        "routable": order.status == ROUTABLE and any(line.quantity for line in order.line_items),
        **_rest(document, _ORDER),
    }


def _is_cancelled(order: WooCommerceOrder) -> bool:
    """Refunded in full before it was ever completed counts as cancelled; after that it is a return."""
    completed = order.date_completed or order.date_completed_gmt
    return order.status == CANCELLED or (order.status == REFUNDED and not completed)


def _utc(gmt: str, local: str) -> str | None:
    """The `_gmt` dates are UTC without saying so; a local one counts only if it names its zone."""
    if gmt:
        return gmt if _ZONE.search(gmt) else f"{gmt}Z"
    return local if _ZONE.search(local) else None


def _totals(order: WooCommerceOrder) -> dict[str, Any]:
    return {
        "total": order.total,
        "tax": order.total_tax,
        "shipping": order.shipping_total,
        "discount": order.discount_total,
    }


def _client(order: WooCommerceOrder, document: dict[str, Any]) -> dict[str, Any]:
    """An address is never put for another: an empty one is none."""
    billing = order.billing or Address()
    return {
        "name": _name(billing),
        "email": billing.email,
        "invoicing_address": _address(order.billing, document.get("billing")),
        "delivery_address": _address(order.shipping, document.get("shipping")),
    }


def _shipping(order: WooCommerceOrder) -> dict[str, Any]:
    """The first way of shipping stands for all; they are all kept under `woocommerce`."""
    method = order.shipping_lines[0].method_title if order.shipping_lines else ""
    return {"method": method, "price": order.shipping_total}


def _line(line: Line, raw: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": line.id,
        "sku": line.sku,
        "name": line.name,
        "quantity": line.quantity,
        "price": line.price,
        **_rest(raw, _LINE),
    }


def _address(address: Address | None, raw: Any) -> dict[str, Any] | None:
    if address is None or values.is_blank(raw, but="email"):
        return None
    return {
        "name": _name(address),
        "company": address.company,
        "street": address.address_1,
        "street2": address.address_2,
        "postcode": address.postcode,
        "city": address.city,
        "region": address.state,
        "country": address.country,
        "phone": address.phone,
        **_rest(raw, _ADDRESS),
    }


def _name(address: Address) -> str:
    return " ".join(part for part in (address.first_name, address.last_name) if part)

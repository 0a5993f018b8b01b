"""Shopify's order, as its `orders/*` webhooks hold it, in Orderdock's words.

Source: Shopify Admin REST API, Order resource, 2026-07.
"""

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from pydantic import ValidationError

from order_router.sources import values
from order_router.sources.values import Country, Currency, Id, Money, Part
from shared.contracts.cloudevents import first_fault
from shared.errors import UnreadableMessage

PAID = {"paid", "authorized", "partially_paid", "partially_refunded"}
PAID_BACK = {"refunded", "voided"}
TO_SHIP = {"", "unfulfilled", "partial"}
SHIPPED = {"fulfilled", "partial"}


class Address(Part):
    first_name: str = ""
    last_name: str = ""
    name: str = ""
    company: str = ""
    address1: str = ""
    address2: str = ""
    zip: str = ""
    city: str = ""
    province: str = ""
    country_code: Country | None = None
    phone: str = ""


class Customer(Part):
    first_name: str = ""
    last_name: str = ""
    email: str = ""


class Line(Part):
    id: Id
    sku: str = ""
    name: str = ""
    title: str = ""
    quantity: int
    current_quantity: int | None = None
    fulfillable_quantity: int | None = None
    requires_shipping: bool | None = None
    price: Money | None = None
    grams: int | None = None


class ShippingLine(Part):
    title: str = ""
    price: Money | None = None
    discounted_price: Money | None = None
    is_removed: bool | None = None


class ShopifyOrder(Part):
    id: Id
    name: str = ""
    created_at: str = ""
    processed_at: str = ""
    updated_at: str = ""
    cancelled_at: str = ""
    currency: Currency
    total_price: Money
    subtotal_price: Money | None = None
    total_tax: Money | None = None
    total_discounts: Money | None = None
    current_total_price: Money | None = None
    current_subtotal_price: Money | None = None
    current_total_tax: Money | None = None
    current_total_discounts: Money | None = None
    email: str = ""
    contact_email: str = ""
    financial_status: str = ""
    fulfillment_status: str = ""
    source_name: str = ""
    tags: str = ""
    customer: Customer | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    shipping_lines: tuple[ShippingLine, ...] = ()
    line_items: tuple[Line, ...]


# What has its place in the order document. A line's `quantity` keeps what was ordered.
_ORDER = {
    *("id", "name", "processed_at", "updated_at", "cancelled_at", "currency", "email", "source_name", "tags"),
    *("current_total_price", "current_subtotal_price", "current_total_tax", "current_total_discounts"),
    *("customer", "billing_address", "shipping_address", "line_items"),
}
_LINE = {"id", "sku", "name", "price", "grams"}
_ADDRESS = Address.model_fields.keys() - {"name"}
# When the customer's own record changed is no news of the order.
_CUSTOMER = {"first_name", "last_name", "updated_at"}
_rest = partial(values.rest, "shopify")


def translate(document: dict[str, Any], at: datetime) -> dict[str, Any]:
    """Shopify's order as an order document; what has no place of its own is kept under `shopify`.

    `at` is the event's time. Raises `UnreadableMessage` if it isn't one.
    """
    try:
        order = ShopifyOrder.model_validate(document)
    except ValidationError as error:
        raise UnreadableMessage(f"no Shopify order: {first_fault(error)}") from error
    return {
        "id": order.id,
        "number": order.name or order.id,
        "placed_at": order.processed_at or order.created_at or None,
        "updated_at": order.updated_at or None,
        "cancelled_at": _cancelled_at(order, at),
        "currency": order.currency,
        "totals": _totals(order),
        "client": _client(order, document),
        "shipping": _shipping(order),
        "lines": [
            _line(line, _to_ship(line, order), raw)
            for line, raw in zip(order.line_items, document["line_items"], strict=True)
        ],
        "tags": [tag.strip() for tag in order.tags.split(",") if tag.strip()],
        "channel": order.source_name,
        "routable": _is_routable(order),
        **_rest(document, _ORDER),
    }


def _is_routable(order: ShopifyOrder) -> bool:
    """Paid, authorized or in part, not fulfilled, not cancelled (DESIGN 4.3), and with something to ship."""
    return (
        order.financial_status in PAID
        and order.fulfillment_status in TO_SHIP
        and not order.cancelled_at
        and any(_to_ship(line, order) for line in order.line_items)
    )


def _to_ship(line: Line, order: ShopifyOrder) -> int:
    """How many pieces of a line a 3PL has to ship: none of what needs no shipping or was taken back, and of
    an order shipped in part only the others. A fulfilled order keeps its quantities."""
    if line.requires_shipping is False:
        return 0
    left = line.quantity if line.current_quantity is None else line.current_quantity
    if order.fulfillment_status not in TO_SHIP or line.fulfillable_quantity is None:
        return left
    return line.fulfillable_quantity


def _cancelled_at(order: ShopifyOrder, at: datetime) -> str | None:
    """Paid back with every piece taken off before any was shipped counts as cancelled."""
    if order.cancelled_at:
        return order.cancelled_at
    taken_back = (
        order.financial_status in PAID_BACK
        and order.fulfillment_status not in SHIPPED
        and all(line.current_quantity == 0 for line in order.line_items)
    )
    return (order.updated_at or at.isoformat()) if taken_back else None


def _totals(order: ShopifyOrder) -> dict[str, Any]:
    """In the shop's currency, as they are after edits and refunds, like the lines."""
    return {
        "total": order.current_total_price or order.total_price,
        "subtotal": order.current_subtotal_price or order.subtotal_price,
        "tax": order.current_total_tax or order.total_tax,
        "discount": order.current_total_discounts or order.total_discounts,
        "shipping": _shipping_price(order),
    }


def _client(order: ShopifyOrder, document: dict[str, Any]) -> dict[str, Any]:
    """A guest has no `customer`; the name is then the invoice's. An address is never put for another."""
    customer = order.customer or Customer()
    return {
        "name": _name(customer) or _address_name(order.billing_address or Address()),
        "email": order.email or order.contact_email or customer.email,
        "invoicing_address": _address(order.billing_address, document.get("billing_address")),
        "delivery_address": _address(order.shipping_address, document.get("shipping_address")),
        **_rest(document.get("customer") or {}, _CUSTOMER),
    }


def _shipping(order: ShopifyOrder) -> dict[str, Any]:
    """The first way of shipping stands for all; they are all kept under `shopify`."""
    lines = _shipping_lines(order)
    return {"method": lines[0].title if lines else "", "price": _shipping_price(order)}


def _shipping_price(order: ShopifyOrder) -> str | None:
    prices = [line.discounted_price or line.price for line in _shipping_lines(order)]
    if not prices or None in prices:
        return None
    return format(sum((Decimal(price) for price in prices if price), Decimal()), "f")


def _shipping_lines(order: ShopifyOrder) -> list[ShippingLine]:
    return [line for line in order.shipping_lines if not line.is_removed]


def _line(line: Line, to_ship: int, raw: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": line.id,
        "sku": line.sku,
        "name": line.name or line.title,
        "quantity": to_ship,
        "price": line.price,
        "weight": line.grams,
        **_rest(raw, _LINE),
    }


def _address(address: Address | None, raw: Any) -> dict[str, Any] | None:
    if address is None or values.is_blank(raw):
        return None
    return {
        "name": _address_name(address),
        "company": address.company,
        "street": address.address1,
        "street2": address.address2,
        "postcode": address.zip,
        "city": address.city,
        "region": address.province,
        "country": address.country_code,
        "phone": address.phone,
        **_rest(raw, _ADDRESS),
    }


def _address_name(address: Address) -> str:
    return _name(address) or address.name


def _name(person: Customer | Address) -> str:
    return " ".join(part for part in (person.first_name, person.last_name) if part)

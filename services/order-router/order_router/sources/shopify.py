"""Shopify's order, as its `orders/*` webhooks hold it, in Orderdock's words.

Source: Shopify Admin REST API, Order resource, 2026-07.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from order_router.sources.ids import Id
from shared.contracts.cloudevents import first_fault
from shared.errors import UnreadableMessage

PAID = {"paid", "authorized", "partially_paid", "partially_refunded"}
TO_SHIP = {None, "unfulfilled", "partial"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Address(_Part):
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    zip: str | None = None
    city: str | None = None
    province: str | None = None
    country_code: str | None = None
    phone: str | None = None


class Customer(_Part):
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None


class Line(_Part):
    id: Id
    sku: str | None = None
    name: str | None = None
    title: str | None = None
    quantity: int
    price: str | None = None
    grams: int | None = None


class ShippingLine(_Part):
    title: str | None = None
    price: str | None = None


class ShopifyOrder(_Part):
    id: Id
    name: str | None = None
    created_at: str | None = None
    processed_at: str | None = None
    updated_at: str | None = None
    cancelled_at: str | None = None
    currency: str
    total_price: str
    subtotal_price: str | None = None
    total_tax: str | None = None
    total_discounts: str | None = None
    email: str | None = None
    financial_status: str | None = None
    fulfillment_status: str | None = None
    source_name: str | None = None
    tags: str | None = None
    customer: Customer | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    shipping_lines: tuple[ShippingLine, ...] = ()
    line_items: tuple[Line, ...]


def translate(document: dict[str, Any]) -> dict[str, Any]:
    """Shopify's order as an order document; what has no place of its own is kept under `shopify`.

    Raises `UnreadableMessage` if it isn't one.
    """
    try:
        order = ShopifyOrder.model_validate(document)
    except ValidationError as error:
        raise UnreadableMessage(f"no Shopify order: {first_fault(error)}") from error
    kept = {name: value for name, value in document.items() if name not in ShopifyOrder.model_fields}
    return {
        "id": order.id,
        "number": order.name or order.id,
        "placed_at": order.processed_at or order.created_at,
        "updated_at": order.updated_at,
        "cancelled_at": order.cancelled_at,
        "currency": order.currency,
        "totals": _totals(order),
        "client": _client(order),
        "shipping": _shipping(order),
        "lines": [_line(line) for line in order.line_items],
        "tags": [tag.strip() for tag in (order.tags or "").split(",") if tag.strip()],
        "channel": order.source_name or "",
        "routable": _is_routable(order),
        "shopify": kept,
    }


def _is_routable(order: ShopifyOrder) -> bool:
    return order.financial_status in PAID and order.fulfillment_status in TO_SHIP and not order.cancelled_at


def _totals(order: ShopifyOrder) -> dict[str, Any]:
    return {
        "total": order.total_price,
        "subtotal": order.subtotal_price,
        "tax": order.total_tax,
        "discount": order.total_discounts,
        "shipping": order.shipping_lines[0].price if len(order.shipping_lines) == 1 else None,
    }


def _client(order: ShopifyOrder) -> dict[str, Any]:
    customer = order.customer or Customer()
    return {
        "name": _name(customer.first_name, customer.last_name),
        "email": order.email or customer.email or "",
        "invoicing_address": _address(order.billing_address),
        "delivery_address": _address(order.shipping_address),
    }


def _shipping(order: ShopifyOrder) -> dict[str, Any]:
    first = order.shipping_lines[0] if order.shipping_lines else ShippingLine()
    return {"method": first.title or "", "price": first.price}


def _line(line: Line) -> dict[str, Any]:
    return {
        "id": line.id,
        "sku": line.sku or "",
        "name": line.name or line.title or "",
        "quantity": line.quantity,
        "price": line.price,
        "weight": line.grams,
    }


def _address(address: Address | None) -> dict[str, Any] | None:
    if address is None:
        return None
    return {
        "name": _name(address.first_name, address.last_name),
        "company": address.company or "",
        "street": address.address1 or "",
        "street2": address.address2 or "",
        "postcode": address.zip or "",
        "city": address.city or "",
        "region": address.province or "",
        "country": address.country_code or None,
        "phone": address.phone or "",
    }


def _name(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)

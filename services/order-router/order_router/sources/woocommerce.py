"""WooCommerce's order, as its `order.*` webhooks hold it, in Orderdock's words.

Source: WooCommerce REST API v3, Order properties.
"""

import html
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from order_router.sources.ids import Id
from shared.contracts.cloudevents import first_fault
from shared.errors import UnreadableMessage

ROUTABLE = "processing"
CANCELLED = "cancelled"


def _money(value: Any) -> Any:
    """A line's price is a JSON number; everything else already is a string."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return format(round(Decimal(str(value)), 6).normalize(), "f")
        except ArithmeticError as error:
            raise ValueError("is no amount of money") from error
    return value


Money = Annotated[str, BeforeValidator(_money)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Address(_Part):
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    postcode: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    phone: str = ""
    email: str | None = None


class Line(_Part):
    id: Id
    sku: str | None = None
    name: str | None = None
    quantity: int
    price: Money | None = None


class ShippingLine(_Part):
    method_title: str | None = None
    total: str | None = None


class WooCommerceOrder(_Part):
    id: Id
    number: str | None = None
    status: str
    currency: str
    date_created_gmt: str | None = None
    date_modified_gmt: str | None = None
    created_via: str | None = None
    total: str
    total_tax: str | None = None
    shipping_total: str | None = None
    discount_total: str | None = None
    billing: Address = Address()
    shipping: Address = Address()
    line_items: tuple[Line, ...]
    shipping_lines: tuple[ShippingLine, ...] = ()


def translate(document: dict[str, Any]) -> dict[str, Any]:
    """WooCommerce's order as an order document; what has no place of its own is kept under `woocommerce`.

    Raises `UnreadableMessage` if it isn't one.
    """
    try:
        order = WooCommerceOrder.model_validate(document)
    except ValidationError as error:
        raise UnreadableMessage(f"no WooCommerce order: {first_fault(error)}") from error
    kept = {name: value for name, value in document.items() if name not in _TRANSLATED}
    modified = _utc(order.date_modified_gmt)
    return {
        "id": order.id,
        "number": order.number or order.id,
        "placed_at": _utc(order.date_created_gmt),
        "updated_at": modified,
        "cancelled_at": modified if order.status == CANCELLED else None,
        "currency": order.currency,
        "totals": _totals(order),
        "client": _client(order),
        "shipping": _shipping(order),
        "lines": [_line(line) for line in order.line_items],
        "channel": order.created_via or "",
        "routable": order.status == ROUTABLE,
        "woocommerce": kept,
    }


# The local dates are left out too: they have no zone, and their `_gmt` twins say the same.
_TRANSLATED = {*WooCommerceOrder.model_fields, "date_created", "date_modified"} - {"status"}


def _utc(date: str | None) -> str | None:
    """The `_gmt` dates are UTC without saying so."""
    return f"{date}Z" if date else None


def _totals(order: WooCommerceOrder) -> dict[str, Any]:
    return {
        "total": order.total,
        "tax": order.total_tax,
        "shipping": order.shipping_total,
        "discount": order.discount_total,
    }


def _client(order: WooCommerceOrder) -> dict[str, Any]:
    return {
        "name": _name(order.billing),
        "email": order.billing.email or "",
        "invoicing_address": _address(order.billing),
        "delivery_address": _address(order.shipping),
    }


def _shipping(order: WooCommerceOrder) -> dict[str, Any]:
    first = order.shipping_lines[0] if order.shipping_lines else ShippingLine()
    return {"method": first.method_title or "", "price": order.shipping_total}


def _line(line: Line) -> dict[str, Any]:
    return {
        "id": line.id,
        "sku": line.sku or "",
        "name": html.unescape(line.name or ""),
        "quantity": line.quantity,
        "price": line.price,
    }


def _address(address: Address) -> dict[str, Any] | None:
    """The address, or None where every field is the empty string."""
    if not any(address.model_dump().values()):
        return None
    return {
        "name": _name(address),
        "company": address.company,
        "street": address.address_1,
        "street2": address.address_2,
        "postcode": address.postcode,
        "city": address.city,
        "region": address.state,
        "country": address.country or None,
        "phone": address.phone,
    }


def _name(address: Address) -> str:
    return " ".join(part for part in (address.first_name, address.last_name) if part)

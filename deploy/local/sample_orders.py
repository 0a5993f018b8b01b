"""Sample orders in the three shapes that are accepted: Orderdock's own, Shopify's and WooCommerce's."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

Document = dict[str, Any]

ARTICLES = (
    ("MUG-BLUE", "Blue mug", 1200, 380),
    ("TEA-EARL", "Earl Grey, 100 g", 790, 120),
    ("POT-GLASS", "Glass teapot", 3450, 640),
    ("HONEY-ACACIA", "Acacia honey", 690, 310),
    ("SPOON-OLIVE", "Olive wood spoon", 450, 40),
)
BUYERS = (
    ("Ada", "Lovelace", "Torstraße 12", "10119", "Berlin", "DE"),
    ("Grace", "Hopper", "Rue Oberkampf 44", "75011", "Paris", "FR"),
    ("Edsger", "Dijkstra", "Herengracht 9", "1015 BA", "Amsterdam", "NL"),
    ("Barbara", "Liskov", "Calle Mayor 3", "28013", "Madrid", "ES"),
)


def orderdock(number: int, at: datetime) -> Document:
    """An order in Orderdock's own document."""
    chance, buyer = random.Random(number), BUYERS[number % len(BUYERS)]
    lines = _lines(chance)
    return {
        "id": f"od-{number}",
        "number": f"OD{number:05}",
        "placed_at": at.isoformat(),
        "currency": "EUR",
        "totals": {"total": _euros(_sum(lines) + 490), "shipping": "4.90", "subtotal": _euros(_sum(lines))},
        "client": {
            "name": f"{buyer[0]} {buyer[1]}",
            "email": f"{buyer[0].lower()}@example.com",
            "delivery_address": _address(buyer),
        },
        "shipping": {"method": "Standard", "price": "4.90"},
        "lines": [
            {"sku": sku, "name": name, "quantity": quantity, "price": _euros(price), "weight": weight}
            for (sku, name, price, weight), quantity in lines
        ],
        "channel": "web",
        "gift_note": "Enjoy!" if number % 7 == 0 else None,
    }


def shopify(number: int, at: datetime) -> Document:
    """A paid order as Shopify's `orders/create` webhook holds it, with an id beyond 2^53."""
    chance, buyer = random.Random(number), BUYERS[number % len(BUYERS)]
    lines = _lines(chance)
    address = {
        "first_name": buyer[0],
        "last_name": buyer[1],
        "company": None,
        "address1": buyer[2],
        "address2": None,
        "zip": buyer[3],
        "city": buyer[4],
        "province": None,
        "country_code": buyer[5],
        "phone": None,
    }
    return {
        "id": 9_100_000_000_000_000 + number,
        "admin_graphql_api_id": f"gid://shopify/Order/{9_100_000_000_000_000 + number}",
        "name": f"#{number}",
        "order_number": number,
        "created_at": at.isoformat(),
        "processed_at": at.isoformat(),
        "updated_at": at.isoformat(),
        "cancelled_at": None,
        "currency": "EUR",
        "total_price": _euros(_sum(lines) + 490),
        "subtotal_price": _euros(_sum(lines)),
        "total_tax": "0.00",
        "total_discounts": "0.00",
        "email": f"{buyer[0].lower()}@example.com",
        "financial_status": "paid",
        "fulfillment_status": None,
        "source_name": "web",
        "tags": "sample, tea" if number % 2 else "",
        "customer": None
        if number % 5 == 0
        else {"first_name": buyer[0], "last_name": buyer[1], "email": None},
        "billing_address": address,
        "shipping_address": address,
        "shipping_lines": [{"id": number, "title": "Standard", "price": "4.90"}],
        "line_items": [
            {
                "id": 9_200_000_000_000_000 + number * 10 + place,
                "sku": sku,
                "name": name,
                "title": name,
                "quantity": quantity,
                "price": _euros(price),
                "grams": weight,
            }
            for place, ((sku, name, price, weight), quantity) in enumerate(lines)
        ],
        "refunds": [],
    }


def woocommerce(number: int, at: datetime) -> Document:
    """A paid order as WooCommerce's `order.created` webhook holds it: naive dates, empty SKUs."""
    chance, buyer = random.Random(number), BUYERS[number % len(BUYERS)]
    lines = _lines(chance)
    address = {
        "first_name": buyer[0],
        "last_name": buyer[1],
        "company": "",
        "address_1": buyer[2],
        "address_2": "",
        "city": buyer[4],
        "state": "",
        "postcode": buyer[3],
        "country": buyer[5],
    }
    local = (at + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    utc = at.strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "id": 700_000 + number,
        "parent_id": 0,
        "number": str(700_000 + number),
        "order_key": f"wc_order_{number:011x}",
        "created_via": "checkout",
        "status": "processing",
        "currency": "EUR",
        "date_created": local,
        "date_created_gmt": utc,
        "date_modified": local,
        "date_modified_gmt": utc,
        "discount_total": "0.00",
        "shipping_total": "4.90",
        "total": _euros(_sum(lines) + 490),
        "total_tax": "0.00",
        "customer_note": "",
        "billing": {**address, "email": f"{buyer[0].lower()}@example.com", "phone": ""},
        "shipping": dict.fromkeys(address, "") if number % 4 == 0 else address,
        "line_items": [
            {
                "id": number * 10 + place,
                "name": f"{name} &ndash; gift",
                "sku": "" if place else sku,
                "quantity": quantity,
                "price": price / 100,
                "total": _euros(price * quantity),
            }
            for place, ((sku, name, price, _), quantity) in enumerate(lines)
        ],
        "shipping_lines": [{"id": number, "method_title": "Flat Rate", "total": "4.90"}],
        "refunds": [],
    }


SHAPES: tuple[tuple[str, Callable[[int, datetime], Document]], ...] = (
    ("com.orderdock.order.{act}", orderdock),
    ("com.shopify.orders.{act}", shopify),
    ("com.woocommerce.order.{act}", woocommerce),
)


def document(number: int, at: datetime) -> Document:
    """The sample order of this number: the three shapes take turns."""
    return SHAPES[number % len(SHAPES)][1](number, at)


def event(number: int, shop_id: str, content: Document, act: str, at: datetime) -> Document:
    """The CloudEvent of a sample order; `act` is created, updated or cancelled."""
    event_type = SHAPES[number % len(SHAPES)][0].format(act=act)
    return {
        "specversion": "1.0",
        "id": f"{shop_id}-{number}-{act}-{at.timestamp():.6f}",
        "source": f"/shops/{shop_id}",
        "type": event_type,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": content,
    }


def _lines(chance: random.Random) -> list[tuple[tuple[str, str, int, int], int]]:
    return [(article, chance.randint(1, 3)) for article in chance.sample(ARTICLES, chance.randint(1, 3))]


def _sum(lines: list[tuple[tuple[str, str, int, int], int]]) -> int:
    return sum(article[2] * quantity for article, quantity in lines)


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _address(buyer: tuple[str, ...]) -> Document:
    first, last, street, postcode, city, country = buyer
    return {
        "name": f"{first} {last}",
        "street": street,
        "postcode": postcode,
        "city": city,
        "country": country,
    }

"""The order events of a bench: orders of one to five lines, about 1.5 KiB each, over all the shops."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.contracts import assignments
from shared.contracts.orders import ORDER_CREATED, SOURCE_PREFIX

COUNTRIES = ("DE", "AT", "CH", "FR", "NL")
ARTICLES = (
    ("TEA-EARL-100", "Earl Grey, loose leaves, 100 g", 790, 120),
    ("TEA-SENCHA-250", "Sencha Fukujyu, loose leaves, 250 g", 1890, 280),
    ("POT-GLASS-12", "Glass teapot with strainer, 1.2 l", 3450, 640),
    ("MUG-BLUE-03", "Stoneware mug, blue glaze, 0.3 l", 1200, 380),
    ("HONEY-ACACIA-500", "Acacia honey from the Waldviertel, 500 g", 1190, 710),
)


@dataclass(frozen=True)
class Event:
    """A message for `orders.created`."""

    key: bytes
    value: bytes


def events(shops: Sequence[str], first: int, count: int) -> list[Event]:
    """Order events numbered from `first`, each of a shop chosen by chance, the same for the same number."""
    now = datetime.now(UTC).isoformat()
    return [_event(random.Random(number), shops, number, now) for number in range(first, first + count)]


def _event(chance: random.Random, shops: Sequence[str], number: int, now: str) -> Event:
    shop, order = chance.choice(shops), document(chance, f"{number:012}", now)
    event = {
        "specversion": "1.0",
        "id": f"{shop}/{order['id']}/1",
        "source": SOURCE_PREFIX + shop,
        "type": ORDER_CREATED,
        "subject": order["id"],
        "time": now,
        "datacontenttype": "application/json",
        "data": {"shop": shop, **order},
    }
    return Event(assignments.key(shop, order["id"]).encode(), json.dumps(event).encode())


def document(chance: random.Random, order_id: str, now: str) -> dict[str, Any]:
    """An order's document in Orderdock's own words."""
    lines = [_line(chance, place) for place in range(1, chance.randint(1, 5) + 1)]
    goods = sum(line["quantity"] * round(float(line["price"]) * 100) for line in lines)
    address = _address(chance)
    return {
        "id": order_id,
        "number": f"#{order_id}",
        "revision": 1,
        "placed_at": now,
        "currency": "EUR",
        "totals": {"total": _euros(goods + 490), "subtotal": _euros(goods), "shipping": "4.90"},
        "client": {
            "name": address["name"],
            "email": f"ada{chance.randrange(1_000_000)}@example.com",
            "invoicing_address": address,
            "delivery_address": address,
        },
        "shipping": {"method": "Standard", "price": "4.90"},
        "lines": lines,
        "tags": chance.choice([["gift"], []]),
        "channel": "web",
        "note": chance.choice(["Please ring twice; the bell is on the left.", None]),
    }


def _line(chance: random.Random, place: int) -> dict[str, Any]:
    sku, name, price, weight = chance.choice(ARTICLES)
    return {
        "id": str(place),
        "sku": sku,
        "name": name,
        "quantity": chance.randint(1, 3),
        "price": _euros(price),
        "weight": weight,
        "tags": ["breakable"] if weight > 300 else [],
    }


def _address(chance: random.Random) -> dict[str, str]:
    return {
        "name": f"Ada Lovelace {chance.randrange(1000)}",
        "street": f"Torstraße {chance.randrange(1, 200)}",
        "postcode": f"{chance.randrange(10_000, 100_000)}",
        "city": "Berlin",
        "country": chance.choice(COUNTRIES),
        "phone": f"+49 30 {chance.randrange(1_000_000, 10_000_000)}",
    }


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"

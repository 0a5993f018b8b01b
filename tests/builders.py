"""What tests are made of: accounts, links, orders and events, with only what a test cares about named."""

import json
import random
from datetime import UTC, datetime
from typing import Any

from shared.contracts import identifiers, links
from shared.contracts.identifiers import ALPHABET, SYMBOLS, AccountKind
from shared.contracts.links import Link

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def account_id(kind: AccountKind, number: int) -> str:
    """The same id for the same number."""
    chance = random.Random(number)
    return identifiers.account_id(kind, "".join(chance.choices(ALPHABET, k=SYMBOLS)))


SHOP = account_id("shop", 1)
THREEPL = account_id("threepl", 1)


def link(**changes: Any) -> Link:
    """An active link of SHOP and THREEPL."""
    whole: dict[str, Any] = {
        "id": "link-1",
        "shop_id": SHOP,
        "threepl_id": THREEPL,
        "started_by": "shop",
        "shop_on": True,
        "threepl_on": True,
        "status": "active",
        "version": 1,
        "epoch": 0,
        "created_at": NOW,
        "changed_at": NOW,
    }
    return Link.model_validate({**whole, **changes})


def link_message(**changes: Any) -> bytes:
    """The record of `links` for such a link."""
    return links.write(link(**changes))


def order(order_id: str = "1001", **changes: Any) -> dict[str, Any]:
    """An order document of two mugs."""
    document = {
        "id": order_id,
        "number": f"#{order_id}",
        "currency": "EUR",
        "totals": {"total": "24.00"},
        "client": {"name": "Ada", "delivery_address": {"city": "Berlin", "country": "DE"}},
        "lines": [{"sku": "MUG", "quantity": 2, "price": "12.00"}],
    }
    return {**document, **changes}


def order_event(
    document: dict[str, Any] | None = None,
    *,
    act: str = "created",
    shop: str = SHOP,
    time: datetime | None = None,
    event_type: str | None = None,
) -> bytes:
    """A structured CloudEvent of an order, as an order system publishes it."""
    data = order() if document is None else document
    event = {
        "specversion": "1.0",
        "id": f"{shop}-{data.get('id')}-{act}",
        "source": f"/shops/{shop}",
        "type": event_type or f"com.orderdock.order.{act}",
        "time": (time or datetime.now(UTC)).isoformat(),
        "data": data,
    }
    return json.dumps(event).encode()

"""What tests are made of: accounts, links, orders and events, with only what a test cares about named."""

import json
import random
from datetime import UTC, datetime
from typing import Any

from integration.accounts import Account
from integration.links import OwnLink
from shared.contracts import assignments, identifiers, links
from shared.contracts.assignments import ASSIGNED, Assignment, AssignmentType
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


def own_link(**changes: Any) -> OwnLink:
    """The same link as integration holds it."""
    return OwnLink.model_validate({**dict(link()), **changes})


def account(kind: AccountKind = "shop", **changes: Any) -> Account:
    """The account SHOP or THREEPL, on a plan that may link."""
    whole: dict[str, Any] = {
        "id": {"shop": SHOP, "threepl": THREEPL}.get(kind) or account_id(kind, 1),
        "kind": kind,
        "email": f"{kind}@example.com",
        "name": f"The {kind}",
        "plan": "conquer",
        "created_at": NOW,
    }
    return Account.model_validate({**whole, **changes})


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


def assignment(order_id: str = "1001", sequence: int = 1, **changes: Any) -> Assignment:
    """The assignment of an open order under link-1, with no webhook URL in its settings."""
    whole: dict[str, Any] = {
        "shop_id": SHOP,
        "order_id": order_id,
        "sequence": sequence,
        "holder": "threepl",
        "stage": "open",
        "threepl_id": THREEPL,
        "link_id": "link-1",
        "epoch": 0,
        "settings": {},
        "settings_version": 1,
        "order": order(order_id),
    }
    return Assignment.model_validate({**whole, **changes})


def assignment_message(
    held: Assignment, event_type: AssignmentType = ASSIGNED, time: datetime | None = None
) -> bytes:
    """The record of `assignments` for it."""
    return assignments.write(held, event_type, json.dumps(held.order), time or datetime.now(UTC))

"""What of Shopify's order is to be shipped, and what cancels it: one table for each trap."""

import pytest

from tests.samples import read
from tests.unit.order_router.test_shopify import LINE, PLAIN, Document, become, line


@pytest.mark.parametrize(
    ("changes", "routable"),
    [
        ({}, True),
        ({"financial_status": "authorized"}, True),
        ({"financial_status": "partially_paid"}, True),
        ({"financial_status": "partially_refunded"}, True),
        ({"financial_status": "pending"}, False),
        ({"financial_status": "refunded"}, False),
        ({"financial_status": "voided"}, False),
        ({"financial_status": "expired"}, False),
        ({"financial_status": None}, False),
        ({"fulfillment_status": "unfulfilled"}, True),
        ({"fulfillment_status": "partial"}, True),
        ({"fulfillment_status": "fulfilled"}, False),
        ({"fulfillment_status": "restocked"}, False),
        ({"cancelled_at": "2026-11-01T10:00:00+01:00"}, False),
        ({"test": True}, True),
        ({"line_items": []}, False),
        (line(requires_shipping=False), False),
        (line(requires_shipping=None), True),
        (line(fulfillable_quantity=0), False),
        ({"line_items": [{**LINE, "requires_shipping": False}, LINE]}, True),
    ],
)
def test_when_an_order_is_routable(changes: Document, routable: bool) -> None:
    event = read({**PLAIN, **changes}, "com.shopify.orders.updated")
    assert event.order.routable is routable
    assert event.cancelled is ("cancelled_at" in changes)


@pytest.mark.parametrize(
    ("status", "changes", "to_ship"),
    [
        (None, {}, 3),
        (None, {"current_quantity": 3, "fulfillable_quantity": 3}, 3),
        (None, {"current_quantity": 2, "fulfillable_quantity": 2}, 2),
        (None, {"current_quantity": 2}, 2),
        (None, {"current_quantity": 0, "fulfillable_quantity": 0}, 0),
        # Another fulfilment service has taken it on.
        (None, {"current_quantity": 3, "fulfillable_quantity": 0}, 0),
        ("partial", {"current_quantity": 3, "fulfillable_quantity": 1}, 1),
        ("partial", {"current_quantity": 3, "fulfillable_quantity": 0}, 0),
        ("fulfilled", {"current_quantity": 3, "fulfillable_quantity": 0}, 3),
        ("fulfilled", {"current_quantity": 2, "fulfillable_quantity": 0}, 2),
        (None, {"requires_shipping": False, "current_quantity": 3, "fulfillable_quantity": 3}, 0),
    ],
)
def test_a_lines_quantity_is_what_there_is_to_ship(
    status: str | None, changes: Document, to_ship: int
) -> None:
    document = become({"fulfillment_status": status, **line(quantity=3, **changes)})
    assert document["lines"][0]["quantity"] == to_ship
    assert document["lines"][0]["shopify"]["quantity"] == 3


@pytest.mark.parametrize(
    ("financial", "fulfillment", "current", "cancelled"),
    [
        ("refunded", None, 0, True),
        ("voided", None, 0, True),
        ("refunded", "restocked", 0, True),
        ("refunded", None, 1, False),  # a gesture: paid back, and still to be sent
        ("refunded", None, None, False),
        ("refunded", "fulfilled", 0, False),  # a return
        ("refunded", "partial", 0, False),
        ("paid", None, 0, False),
    ],
)
def test_paid_back_in_full_before_anything_was_shipped_is_cancelled(
    financial: str, fulfillment: str | None, current: int | None, cancelled: bool
) -> None:
    changes = {"financial_status": financial, "fulfillment_status": fulfillment}
    event = read({**PLAIN, **changes, **line(current_quantity=current)}, "com.shopify.orders.updated")
    assert (event.cancelled, event.order.routable) == (cancelled, False)


def test_a_cancellation_without_its_date_is_one() -> None:
    assert read({**PLAIN, "cancelled_at": None}, "com.shopify.orders.cancelled").cancelled

"""The three kinds of order document become Orderdock's own, with their traps."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local import sample_orders as samples
from order_router import handlers
from order_router.announcements import messages
from order_router.lifecycle import StoredOrder, apply_event
from order_router.sources import OrderEvent, shopify, translate, woocommerce
from shared.contracts import assignments, cloudevents
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.orders import Order
from shared.errors import UnreadableMessage
from shared.kafka.records import Record
from tests.builders import NOW, SHOP, link, order, order_event

PAYLOADS = Path(__file__).parents[4] / "shared/payloads"


def read(document: dict[str, Any], event_type: str) -> OrderEvent:
    event = translate(
        CloudEvent(id="1", source=f"/shops/{SHOP}", type=event_type, time=NOW, data=document), NOW
    )
    assert event is not None
    return event


@pytest.mark.parametrize("number", range(30))
def test_every_sample_order_is_an_order(number: int) -> None:
    content = samples.event(number, SHOP, samples.document(number, NOW), "created", NOW)
    event = translate(cloudevents.read(json.dumps(content).encode(), {}), NOW)
    assert event is not None
    assert event.order.routable
    assert event.order.lines


@pytest.mark.parametrize("event_type", ["com.shopify.orders.delete", "com.woocommerce.order.deleted"])
def test_a_deletion_holds_no_order_and_is_ignored(event_type: str) -> None:
    event = CloudEvent(id="1", source=f"/shops/{SHOP}", type=event_type, time=NOW, data={"id": 1})
    assert translate(event, NOW) is None


def nested(depth: int) -> bytes:
    deep = json.loads("[" * depth + "]" * depth)
    return order_event(order("1", deep=deep))


def test_an_order_that_is_read_can_be_said_and_read_again() -> None:
    """What goes around an order on its way is as deep as JSON may be."""
    with pytest.raises(UnreadableMessage, match="recursion limit"):
        handlers.read_arrival(record(nested(195)))
    arrival = handlers.read_arrival(record(nested(180)))
    assert arrival is not None
    stored = StoredOrder(SHOP, "1")
    outcome = apply_event(stored, arrival.event, arrival.version, {"link-1": link()}, NOW, timedelta(days=7))
    [message] = messages(outcome.announcements, "assignments", NOW)
    assert assignments.read(cloudevents.read(message.value, {})).order["id"] == "1"


@pytest.mark.parametrize("price", [1e300, 10**4000, 12.3456789])
def test_a_price_that_is_no_money_is_refused_or_rounded(price: float) -> None:
    content = samples.woocommerce(2, NOW)
    line = {**content["line_items"][0], "price": price}
    try:
        event = read({**content, "line_items": [line]}, "com.woocommerce.order.created")
    except UnreadableMessage:
        return
    assert event.order.lines[0].price == "12.345679"


def record(value: bytes) -> Record:
    return Record("orders.created", 0, 1, b"k", value, {}, datetime.now(UTC))


def test_an_event_without_a_time_happened_when_it_was_received() -> None:
    event = translate(
        CloudEvent(id="1", source=f"/shops/{SHOP}", type="com.orderdock.order.created", data=order()), NOW
    )
    assert event is not None
    assert event.time == NOW


def test_a_type_nobody_knows_is_ignored() -> None:
    event = CloudEvent(id="1", source=f"/shops/{SHOP}", type="com.example.order.created", data=order())
    assert translate(event, NOW) is None


def test_fields_that_nobody_knows_pass_through() -> None:
    event = read(
        order(gift_note="Enjoy!", lines=[{"quantity": 1, "engraving": "A"}]), "com.orderdock.order.created"
    )
    document = json.loads(event.order.model_dump_json(exclude_unset=True))
    assert (document["gift_note"], document["lines"][0]["engraving"]) == ("Enjoy!", "A")


def test_binary_mode_is_read_like_structured_mode() -> None:
    headers = {
        "ce_specversion": b"1.0",
        "ce_id": b"1",
        "ce_source": f"/shops/{SHOP}".encode(),
        "ce_type": b"com.orderdock.order.created",
        "ce_time": NOW.isoformat().encode(),
        "content-type": b"application/json",
    }
    binary = translate(cloudevents.read(json.dumps(order()).encode(), headers), NOW)
    structured = translate(cloudevents.read(order_event(order(), time=NOW), {}), NOW)
    assert binary == structured


def test_a_shopify_id_beyond_two_to_the_53_keeps_every_digit() -> None:
    content = samples.shopify(1, NOW)
    event = read({**content, "id": 2**53 + 1}, "com.shopify.orders.create")
    assert event.order.id == "9007199254740993"


def test_a_shopify_id_that_is_a_float_is_refused() -> None:
    with pytest.raises(UnreadableMessage, match="id"):
        shopify.translate({**samples.shopify(1, NOW), "id": 1e18})


@pytest.mark.parametrize(
    ("changes", "routable"),
    [
        ({}, True),
        ({"financial_status": "authorized"}, True),
        ({"financial_status": "partially_paid"}, True),
        ({"financial_status": "pending"}, False),
        ({"financial_status": "refunded"}, False),
        ({"fulfillment_status": "fulfilled"}, False),
        ({"fulfillment_status": "partial"}, True),
        ({"cancelled_at": "2026-11-01T10:00:00+01:00"}, False),
    ],
)
def test_when_a_shopify_order_is_routable(changes: dict[str, Any], routable: bool) -> None:
    event = read({**samples.shopify(1, NOW), **changes}, "com.shopify.orders.updated")
    assert event.order.routable is routable
    assert event.cancelled is ("cancelled_at" in changes)


def test_a_shopify_order_may_lack_customer_and_shipping_address() -> None:
    content = {**samples.shopify(1, NOW), "customer": None, "shipping_address": None, "email": ""}
    event = read(content, "com.shopify.orders.create")
    assert (event.order.client.name, event.order.client.delivery_address) == ("", None)


def test_woocommerce_dates_are_read_from_their_utc_twins() -> None:
    event = read(samples.woocommerce(2, NOW), "com.woocommerce.order.created")
    assert event.order.placed_at == NOW


@pytest.mark.parametrize(
    ("status", "routable", "cancelled"),
    [
        ("processing", True, False),
        ("pending", False, False),
        ("on-hold", False, False),
        ("cancelled", False, True),
    ],
)
def test_the_status_of_a_woocommerce_order(status: str, routable: bool, cancelled: bool) -> None:
    event = read({**samples.woocommerce(2, NOW), "status": status}, "com.woocommerce.order.updated")
    assert (event.order.routable, event.cancelled) == (routable, cancelled)


def test_a_woocommerce_order_without_shipping_address_has_none() -> None:
    content = woocommerce.translate(samples.woocommerce(4, NOW))
    assert content["client"]["delivery_address"] is None
    assert content["lines"][0]["name"].endswith("– gift")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lines": [{"quantity": -1}]}, "lines.0.quantity"),
        ({"lines": "many"}, "lines"),
        ({"totals": {"total": 24.0}}, "totals.total"),
        ({"currency": "euro"}, "currency"),
        ({"id": ""}, "id"),
        ({"id": "a\x00b"}, "id"),
        ({"number": "a\x00b"}, "number"),
        ({"totals": {"total": "٣"}}, "totals.total"),
        ({"shop": "S-0000-0001"}, "shop"),
        ({"placed_at": "2026-11-23T10:00:00"}, "placed_at"),
    ],
)
def test_what_is_wrong_with_an_order_is_named(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnreadableMessage, match=reason):
        read(order(**changes), "com.orderdock.order.created")


@pytest.mark.parametrize(
    ("name", "event_type", "order_id", "lines"),
    [
        ("shopify_order_created_3lines.json", "com.shopify.orders.create", "1073459963", 3),
        ("shopify_order_full.json", "com.shopify.orders.updated", "450789469", 3),
        ("woocommerce_order_created_processing.json", "com.woocommerce.order.created", "727", 2),
        ("woocommerce_order_updated_completed.json", "com.woocommerce.order.updated", "727", 2),
    ],
)
def test_the_documents_in_the_shops_own_documentation(
    name: str, event_type: str, order_id: str, lines: int
) -> None:
    """They lie beside the checkout, and only there; elsewhere the samples of their shapes stand in."""
    if not PAYLOADS.exists():
        return
    event = read(json.loads((PAYLOADS / name).read_text()), event_type)
    assert (event.order.id, len(event.order.lines)) == (order_id, lines)


def test_a_sample_keeps_its_type_of_order() -> None:
    event = read(samples.orderdock(0, datetime(2026, 1, 1, tzinfo=UTC)), "com.orderdock.order.cancelled")
    assert isinstance(event.order, Order)
    assert event.cancelled

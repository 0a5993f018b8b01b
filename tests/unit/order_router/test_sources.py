"""Order documents of all kinds: told apart by their event's type, read, and said again."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from deploy.local import sample_orders as samples
from order_router import handlers
from order_router.announcements import messages
from order_router.lifecycle import Circumstances, apply_event
from order_router.orders import StoredOrder
from order_router.sources import translate
from shared.contracts import assignments, cloudevents, orders
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.orders import Order
from shared.errors import UnreadableMessage
from shared.kafka.records import Record
from tests.builders import NOW, SHOP, link, order, order_event
from tests.samples import SHOPIFY, WOOCOMMERCE, read


@pytest.mark.parametrize("number", range(30))
def test_every_sample_order_is_an_order(number: int) -> None:
    content = samples.event(number, SHOP, samples.document(number, NOW), "created", NOW)
    event = translate(cloudevents.read(json.dumps(content).encode(), {}), NOW)
    assert event is not None
    assert event.order.routable
    assert event.order.lines


@pytest.mark.parametrize(
    ("event_type", "cancelled"),
    [
        ("com.orderdock.order.created", False),
        ("com.orderdock.order.cancelled", True),
        ("com.shopify.orders.create", False),
        ("com.shopify.orders.updated", False),
        ("com.shopify.orders.paid", False),
        ("com.shopify.orders.fulfilled", False),
        ("com.shopify.orders.partially_fulfilled", False),
        ("com.shopify.orders.cancelled", True),
        ("com.woocommerce.order.created", False),
        ("com.woocommerce.order.updated", False),
        ("com.woocommerce.order.restored", False),
    ],
)
def test_a_type_says_whose_document_it_is_and_that_it_is_cancelled(event_type: str, cancelled: bool) -> None:
    [made] = [make for prefix, make in samples.SHAPES if event_type.startswith(prefix.format(act=""))]
    event = read(made(1, NOW), event_type)
    assert (event.cancelled, event.order.routable, event.order.revision) == (cancelled, True, None)


@pytest.mark.parametrize(
    "event_type",
    [
        "com.shopify.orders.delete",
        "com.shopify.orders.edited",
        "com.shopify.orders.link_requested",
        "com.shopify.orders.risk_assessment_changed",
        "com.shopify.orders.shopify_protect_eligibility_changed",
        "com.shopify.products.create",
        "com.woocommerce.order.deleted",
        "com.woocommerce.coupon.created",
        "com.example.order.created",
    ],
)
def test_a_type_that_holds_no_order_or_that_nobody_knows_is_ignored(event_type: str) -> None:
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
    among = Circumstances({"link-1": link()}, {}, NOW, timedelta(days=7))
    outcome = apply_event(stored, arrival.event, arrival.version, among)
    [message] = messages([outcome], "assignments", NOW)
    assert assignments.read(cloudevents.read(message.value, {})).order["id"] == "1"


def record(value: bytes) -> Record:
    return Record("orders.created", 0, 1, b"k", value, {}, datetime.now(UTC))


def test_an_event_without_a_time_happened_when_it_was_received() -> None:
    event = translate(
        CloudEvent(id="1", source=f"/shops/{SHOP}", type="com.orderdock.order.created", data=order()), NOW
    )
    assert event is not None
    assert event.time == NOW


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


def test_a_sample_keeps_its_type_of_order() -> None:
    event = read(samples.orderdock(0, datetime(2026, 1, 1, tzinfo=UTC)), "com.orderdock.order.cancelled")
    assert isinstance(event.order, Order)
    assert event.cancelled


ODD = (0, -1, 1e300, 10**4000, "", " ", "\x00", "٣", "0.1234567890", "2026-11-20T10:00:00", "€", "&#0;")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.sampled_from(ODD),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3),
    max_leaves=5,
)  # fmt: skip
WHOLE = [
    *((sample.document, sample.event_type) for sample in (*SHOPIFY, *WOOCOMMERCE)),
    *((make(0, NOW), event_type.format(act="updated")) for event_type, make in samples.SHAPES),
]


@st.composite
def altered(draw: st.DrawFn) -> tuple[Any, str]:
    """A document with something else in up to four places, and the type of its event."""
    whole, event_type = draw(st.sampled_from(WHOLE))
    document = copy.deepcopy(whole)
    for _ in range(draw(st.integers(0, 4))):
        place: Any = document
        key = draw(st.sampled_from(sorted(place)))
        while place[key] and isinstance(place[key], dict | list) and draw(st.booleans()):
            place = place[key]
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        place[key] = draw(ANYTHING)
    return document, event_type


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(altered() | st.tuples(ANYTHING, st.sampled_from([event_type for _, event_type in WHOLE])))
def test_whatever_the_data_is_it_becomes_an_order_or_is_unreadable(given_: tuple[Any, str]) -> None:
    try:
        event = read(*given_)
    except UnreadableMessage:
        return
    said_again = orders.read(from_json(event.order.model_dump_json(exclude_unset=True)), SHOP)
    assert orders.same_content(orders.document(said_again), orders.document(event.order))

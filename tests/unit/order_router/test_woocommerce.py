"""WooCommerce's order becomes Orderdock's: one table for each trap."""

from typing import Any

import pytest

from deploy.local import sample_orders
from order_router.sources import woocommerce
from shared.contracts.orders import document, same_content
from shared.errors import UnreadableMessage
from tests.builders import NOW
from tests.samples import cut, read, said

UPDATED = "com.woocommerce.order.updated"
Document = dict[str, Any]

PLAIN = sample_orders.woocommerce(2, NOW)
[LINE, *_] = PLAIN["line_items"]
ADDRESS = PLAIN["shipping"]
ZONED = "2026-11-20T10:00:00+01:00"


def become(changes: Document) -> Document:
    """What a plain order in processing becomes with these changes."""
    return said(read({**PLAIN, **changes}, UPDATED))


def line(**changes: Any) -> Document:
    return {"line_items": [{**LINE, **changes}]}


@pytest.mark.parametrize(
    ("changes", "routable", "cancelled"),
    [
        ({"status": "processing"}, True, False),
        ({"status": "processing", "refunds": [{"id": 1, "total": "-1.00"}]}, True, False),
        ({"status": "pending"}, False, False),
        ({"status": "on-hold"}, False, False),
        ({"status": "failed"}, False, False),
        ({"status": "checkout-draft"}, False, False),
        ({"status": "trash"}, False, False),
        ({"status": "ready-to-pack"}, False, False),  # a plugin's own
        ({"status": "completed", "date_completed_gmt": "2026-11-20T10:00:00"}, False, False),
        ({"status": "cancelled"}, False, True),
        ({"status": "cancelled", "date_modified": None, "date_modified_gmt": None}, False, True),
        ({"status": "refunded"}, False, True),
        ({"status": "refunded", "date_completed": None, "date_completed_gmt": None}, False, True),
        ({"status": "refunded", "date_completed_gmt": "2026-11-20T10:00:00"}, False, False),  # a return
        ({"status": "refunded", "date_completed": "2026-11-20T11:00:00"}, False, False),
        ({"line_items": []}, False, False),
    ],
)
def test_what_a_status_means(changes: Document, routable: bool, cancelled: bool) -> None:
    event = read({**PLAIN, **changes}, UPDATED)
    assert (event.order.routable, event.cancelled) == (routable, cancelled)
    assert said(event)["woocommerce"]["status"] == changes.get("status", "processing")


def test_a_cancellation_without_a_date_is_as_old_as_its_event() -> None:
    changes = {"status": "cancelled", "date_modified": "2026-11-20T10:00:00", "date_modified_gmt": None}
    assert read({**PLAIN, **changes}, UPDATED).order.cancelled_at == NOW


@pytest.mark.parametrize(
    ("changes", "becomes"),
    [
        ({"id": 2**53 + 1}, {"id": "9007199254740993"}),
        (line(id=2**64 + 1), {"lines": [{"id": "18446744073709551617"}]}),
        ({"number": 2**53 + 1}, {"number": "9007199254740993"}),
        ({"id": 7, "number": None}, {"number": "7"}),
        ({"id": 7, "number": ""}, {"number": "7"}),
        # Money.
        ({"total": 29.35}, {"totals": {"total": "29.35"}}),
        ({"total": 30}, {"totals": {"total": "30"}}),
        ({"shipping_total": ""}, {"totals": {"shipping": None}, "shipping": {"price": None}}),
        ({"discount_total": None}, {"totals": {"discount": None}}),
        (line(price=3), {"lines": [{"price": "3"}]}),
        (line(price=3.3333333333333335), {"lines": [{"price": "3.333333"}]}),
        (line(price="3.3333333333333335"), {"lines": [{"price": "3.333333"}]}),
        (line(price="12.00"), {"lines": [{"price": "12.00"}]}),
        (line(price=1e-7), {"lines": [{"price": "0"}]}),
        (line(price=0), {"lines": [{"price": "0"}]}),
        (line(price=None), {"lines": [{"price": None}]}),
        ({"currency": "eur"}, {"currency": "EUR"}),
        # Dates: the local ones have no zone, their twins are UTC without saying so.
        (
            {"date_created": "2026-11-20T10:00:00", "date_created_gmt": "2026-11-20T09:00:00"},
            {"placed_at": "2026-11-20T09:00:00Z", "woocommerce": {"date_created": "2026-11-20T10:00:00"}},
        ),
        ({"date_created_gmt": "2026-11-20T09:00:00Z"}, {"placed_at": "2026-11-20T09:00:00Z"}),
        ({"date_created_gmt": ZONED}, {"placed_at": ZONED}),
        (
            {"date_created": "2026-11-20T10:00:00", "date_created_gmt": None},
            {"placed_at": None, "woocommerce": {"date_created": "2026-11-20T10:00:00"}},
        ),
        ({"date_created": ZONED, "date_created_gmt": None}, {"placed_at": ZONED}),
        ({"date_created": None, "date_created_gmt": ""}, {"placed_at": None}),
        # Who and where.
        ({"billing": None}, {"client": {"name": "", "email": "", "invoicing_address": None}}),
        (
            {"billing": {"email": "a@example.com"}},
            {"client": {"email": "a@example.com", "invoicing_address": None}},
        ),
        (
            {"billing": {"email": "", "vat": "FR1"}},
            {"client": {"invoicing_address": {"woocommerce": {"vat": "FR1"}}}},
        ),
        ({"shipping": dict.fromkeys(ADDRESS, "")}, {"client": {"delivery_address": None}}),
        ({"shipping": dict.fromkeys(ADDRESS)}, {"client": {"delivery_address": None}}),
        ({"shipping": {}}, {"client": {"delivery_address": None}}),
        (
            {"shipping": None},
            {"client": {"delivery_address": None, "invoicing_address": {"city": "Amsterdam"}}},
        ),
        ({"shipping": {**ADDRESS, "country": "de"}}, {"client": {"delivery_address": {"country": "DE"}}}),
        ({"shipping": {**ADDRESS, "country": ""}}, {"client": {"delivery_address": {"country": None}}}),
        ({"shipping": {**ADDRESS, "company": None}}, {"client": {"delivery_address": {"company": ""}}}),
        ({"shipping": {**ADDRESS, "phone": "1"}}, {"client": {"delivery_address": {"phone": "1"}}}),
        # HTML entities.
        (line(name="Tea &ndash; Color: Black"), {"lines": [{"name": "Tea – Color: Black"}]}),
        (line(name="Salt &amp; Lime &#8211; 100&#x67;"), {"lines": [{"name": "Salt & Lime – 100g"}]}),
        (
            line(name="&amp;ndash; &nosuch; AT&T, A&copy B&lt"),
            {"lines": [{"name": "&ndash; &nosuch; AT&T, A&copy B&lt"}]},
        ),
        (
            {"shipping": {**ADDRESS, "company": "A &amp; B"}},
            {"client": {"delivery_address": {"company": "A & B"}}},
        ),
        (line(sku="A&amp;B"), {"lines": [{"sku": "A&amp;B"}]}),
        # Lines.
        (line(sku=None), {"lines": [{"sku": ""}]}),
        (line(sku=""), {"lines": [{"sku": ""}]}),
        (line(name=None), {"lines": [{"name": "", "weight": "missing", "tags": "missing"}]}),
        (line(quantity="2"), {"lines": [{"quantity": 2}]}),
        # Shipping.
        ({"shipping_lines": []}, {"shipping": {"method": "", "price": "4.90"}}),
        ({"shipping_lines": None}, {"shipping": {"method": ""}}),
        (
            {"shipping_lines": [{"method_title": "A", "total": "1"}, {"method_title": "B", "total": "2"}]},
            {"shipping": {"method": "A", "price": "4.90"}},
        ),
        # The rest.
        ({"created_via": None}, {"channel": ""}),
        ({"customer_note": "<3"}, {"woocommerce": {"customer_note": "<3"}}),
        ({"revision": 7}, {"woocommerce": {"revision": 7}, "revision": "missing"}),
    ],
)
def test_what_a_field_becomes(changes: Document, becomes: Document) -> None:
    assert cut(become(changes), becomes) == becomes


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": 727.0}, "id: .* a float loses digits beyond 2\\^53"),
        (line(id=1e18), "line_items.0.id: .* a float loses digits"),
        ({"number": 7.5}, "number: .* a float loses digits"),
        ({"status": None}, "status: Field required"),
        ({"total": ""}, "total: Field required"),
        ({"total": "29,35"}, "total: String should match"),
        (line(price=1e300), "line_items.0.price: .* no amount of money"),
        (line(price=10**4000), "line_items.0.price: .* no amount of money"),
        (line(quantity=0.5), "line_items.0.quantity: Input should be a valid integer"),
        ({"billing": {"country": "Germany"}}, "billing.country: String should match"),
        ({"date_created_gmt": "yesterday"}, "placed_at: "),
        ({"line_items": None}, "line_items: Field required"),
        ({"code": "woocommerce_rest_cannot_view", "id": None}, "id: Field required"),
    ],
)
def test_what_is_wrong_with_a_document_is_named(changes: Document, reason: str) -> None:
    with pytest.raises(UnreadableMessage, match=reason):
        become(changes)


REQUIRED = {"id", "status", "currency", "total", "line_items"}


@pytest.mark.parametrize("field", sorted(woocommerce.WooCommerceOrder.model_fields.keys() - REQUIRED))
def test_null_and_empty_text_say_the_same_as_nothing(field: str) -> None:
    """What they leave under `woocommerce` is as it came."""
    without = said(read({name: PLAIN[name] for name in PLAIN if name != field}, UPDATED))
    for empty in (None, ""):
        document = become({field: empty})
        document["woocommerce"].pop(field, None)
        assert document == without


def test_what_has_no_place_passes_through_untouched_wherever_it_stands() -> None:
    odd = {"deep": [1.5, None, {"n": 2**60, "html": "a &amp; b"}]}
    document = become(
        {
            "odd": odd,
            "billing": {"city": "Paris", "odd": odd},
            "shipping": {"city": "Paris", "odd": odd},
            "shipping_lines": [{"method_title": "A", "odd": odd}],
            "line_items": [{**LINE, "odd": odd}],
        }
    )
    client = document["client"]
    for part in (document, client["invoicing_address"], client["delivery_address"], document["lines"][0]):
        assert part["woocommerce"]["odd"] == odd
    assert document["woocommerce"]["shipping_lines"] == [{"method_title": "A", "odd": odd}]


def test_when_a_snapshot_was_taken_is_no_content() -> None:
    before, after = (
        read({**PLAIN, "date_modified": at, "date_modified_gmt": at}, UPDATED)
        for at in ("2026-11-20T10:00:00", "2026-11-20T11:00:00")
    )
    assert same_content(document(before.order), document(after.order))

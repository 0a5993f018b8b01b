"""Shopify's order becomes Orderdock's, field by field: one table for each trap."""

from typing import Any

import pytest

from deploy.local import sample_orders
from order_router.sources import shopify
from shared.contracts.orders import document, same_content
from shared.errors import UnreadableMessage
from tests.builders import NOW
from tests.samples import cut, read, said

CREATE = "com.shopify.orders.create"
Document = dict[str, Any]

PLAIN = sample_orders.shopify(1, NOW)
[LINE, *_] = PLAIN["line_items"]
ADDRESS = PLAIN["shipping_address"]


def become(changes: Document) -> Document:
    """What a plain paid order becomes with these changes."""
    return said(read({**PLAIN, **changes}, CREATE))


def line(**changes: Any) -> Document:
    return {"line_items": [{**LINE, **changes}]}


@pytest.mark.parametrize(
    ("changes", "becomes"),
    [
        ({"id": 2**53 + 1}, {"id": "9007199254740993"}),
        ({"id": "9007199254740993"}, {"id": "9007199254740993"}),
        (line(id=2**64 + 1), {"lines": [{"id": "18446744073709551617"}]}),
        ({"id": 7, "name": None}, {"number": "7"}),
        # Money.
        ({"total_price": 129.9}, {"totals": {"total": "129.9"}}),
        ({"total_price": 1200}, {"totals": {"total": "1200"}}),
        ({"total_price": "0.123456789"}, {"totals": {"total": "0.123457"}}),
        ({"total_tax": ""}, {"totals": {"tax": None}}),
        ({"total_tax": 0}, {"totals": {"tax": "0"}}),
        (line(price=19.99), {"lines": [{"price": "19.99"}]}),
        (line(price=None), {"lines": [{"price": None}]}),
        ({"currency": "eur"}, {"currency": "EUR"}),
        # After edits and refunds.
        ({"current_total_price": "1.00"}, {"totals": {"total": "1.00"}, "shopify": {"total_price": "9.40"}}),
        ({"current_total_price": None}, {"totals": {"total": "9.40"}}),
        ({"current_total_tax": "1.00", "total_tax": "2.00"}, {"totals": {"tax": "1.00"}}),
        ({"current_total_discounts": "0.00", "total_discounts": "2.00"}, {"totals": {"discount": "0.00"}}),
        ({"current_subtotal_price": "5.00"}, {"totals": {"subtotal": "5.00"}}),
        # Dates, all with their zone.
        (
            {"processed_at": None, "created_at": "2026-11-20T10:00:00-05:00"},
            {"placed_at": "2026-11-20T10:00:00-05:00"},
        ),
        ({"processed_at": "", "created_at": ""}, {"placed_at": None}),
        # Who and where.
        ({"customer": None}, {"client": {"name": "Grace Hopper"}}),
        ({"customer": {"first_name": None, "last_name": ""}}, {"client": {"name": "Grace Hopper"}}),
        ({"customer": {"first_name": "Ada"}}, {"client": {"name": "Ada"}}),
        ({"customer": None, "billing_address": None}, {"client": {"name": "", "invoicing_address": None}}),
        ({"email": "", "contact_email": "a@example.com"}, {"client": {"email": "a@example.com"}}),
        ({"email": None, "customer": {"email": "b@example.com"}}, {"client": {"email": "b@example.com"}}),
        ({"email": None, "customer": None}, {"client": {"email": ""}}),
        (
            {"shipping_address": None},
            {"client": {"delivery_address": None, "invoicing_address": {"city": "Paris"}}},
        ),
        ({"shipping_address": {}}, {"client": {"delivery_address": None}}),
        ({"shipping_address": dict.fromkeys(ADDRESS, "")}, {"client": {"delivery_address": None}}),
        ({"shipping_address": dict.fromkeys(ADDRESS)}, {"client": {"delivery_address": None}}),
        (
            {"shipping_address": {"name": "Ada L.", "city": "X"}},
            {"client": {"delivery_address": {"name": "Ada L."}}},
        ),
        (
            {"shipping_address": {**ADDRESS, "country_code": None}},
            {"client": {"delivery_address": {"country": None}}},
        ),
        (
            {"shipping_address": {**ADDRESS, "country_code": "fr"}},
            {"client": {"delivery_address": {"country": "FR"}}},
        ),
        # Lines.
        (line(sku=None), {"lines": [{"sku": ""}]}),
        (line(name=None), {"lines": [{"name": LINE["title"]}]}),
        (line(grams=250), {"lines": [{"weight": 250}]}),
        (line(grams=None), {"lines": [{"weight": None}]}),
        # Shipping.
        ({"shipping_lines": []}, {"shipping": {"method": "", "price": None}, "totals": {"shipping": None}}),
        ({"shipping_lines": None}, {"shipping": {"method": "", "price": None}}),
        (
            {"shipping_lines": [{"title": "A", "price": "4.90"}, {"title": "B", "price": 0.1}]},
            {"shipping": {"method": "A", "price": "5.00"}, "totals": {"shipping": "5.00"}},
        ),
        (
            {
                "shipping_lines": [
                    {"title": "A", "price": "9", "is_removed": True},
                    {"title": "B", "price": "4.90"},
                ]
            },
            {"shipping": {"method": "B", "price": "4.90"}},
        ),
        (
            {"shipping_lines": [{"title": "A", "price": "4.90", "discounted_price": "0.00"}]},
            {"shipping": {"price": "0.00"}},
        ),
        (
            {"shipping_lines": [{"title": "A", "price": "1"}, {"title": "B"}]},
            {"shipping": {"method": "A", "price": None}},
        ),
        # The rest.
        ({"tags": ""}, {"tags": []}),
        ({"tags": None}, {"tags": []}),
        ({"tags": "Ünder, a b ,,c"}, {"tags": ["Ünder", "a b", "c"]}),
        ({"source_name": None}, {"channel": ""}),
        ({"test": True}, {"shopify": {"test": True}}),
        ({"revision": 7}, {"shopify": {"revision": 7}, "revision": "missing"}),
        ({"shop": "elsewhere"}, {"shopify": {"shop": "elsewhere"}}),
    ],
)
def test_what_a_field_becomes(changes: Document, becomes: Document) -> None:
    assert cut(become(changes), becomes) == becomes


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": 9007199254740993.0}, "id: .* a float loses digits beyond 2\\^53"),
        (line(id=1e18), "line_items.0.id: .* a float loses digits"),
        ({"id": True}, "id: Input should be a valid string"),
        ({"id": None}, "id: Field required"),
        ({"total_price": None}, "total_price: Field required"),
        ({"total_price": "1,20"}, "total_price: String should match"),
        ({"total_price": 1e300}, "total_price: .* no amount of money"),
        ({"total_price": True}, "total_price: Input should be a valid string"),
        ({"currency": "euro"}, "currency: String should match"),
        (
            {"billing_address": {"country_code": "Germany"}},
            "billing_address.country_code: String should match",
        ),
        ({"processed_at": "2026-11-20T10:00:00"}, "placed_at: .*timezone"),
        (line(quantity=1.5), "line_items.0.quantity: Input should be a valid integer"),
        (line(quantity=-1), "lines.0.quantity: .*greater than or equal to 0"),
        ({"line_items": None}, "line_items: Field required"),
        ({"customer": "Ada"}, "customer: Input should be a valid dictionary"),
    ],
)
def test_what_is_wrong_with_a_document_is_named(changes: Document, reason: str) -> None:
    with pytest.raises(UnreadableMessage, match=reason):
        become(changes)


REQUIRED = {"id", "currency", "total_price", "line_items"}


@pytest.mark.parametrize("field", sorted(shopify.ShopifyOrder.model_fields.keys() - REQUIRED))
def test_null_and_empty_text_say_the_same_as_nothing(field: str) -> None:
    """What they leave under `shopify` is as it came."""
    without = said(read({name: PLAIN[name] for name in PLAIN if name != field}, CREATE))
    for empty in (None, ""):
        document = become({field: empty})
        document["shopify"].pop(field, None)
        assert document == without


def test_what_has_no_place_passes_through_untouched_wherever_it_stands() -> None:
    odd = {"deep": [1.5, None, {"n": 2**60}]}
    document = become(
        {
            "odd": odd,
            "customer": {"first_name": "Ada", "odd": odd},
            "billing_address": {"city": "Paris", "odd": odd},
            "shipping_address": {"city": "Paris", "odd": odd},
            "shipping_lines": [{"title": "A", "odd": odd}, {"title": "B"}],
            "line_items": [{**LINE, "odd": odd}],
        }
    )
    client = document["client"]
    for part in (
        document,
        client,
        client["invoicing_address"],
        client["delivery_address"],
        document["lines"][0],
    ):
        assert part["shopify"]["odd"] == odd
    assert document["shopify"]["shipping_lines"] == [{"title": "A", "odd": odd}, {"title": "B"}]


def test_when_a_snapshot_was_taken_is_no_content() -> None:
    customer = {"id": 1, "first_name": "Ada"}
    before, after = (
        read({**PLAIN, "updated_at": at, "customer": {**customer, "updated_at": at}}, CREATE)
        for at in ("2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z")
    )
    assert same_content(document(before.order), document(after.order))

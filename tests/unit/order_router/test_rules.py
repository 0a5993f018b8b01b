"""Which orders a link's rules let through, condition by condition, and what is said of those they don't."""

from typing import Any

import pytest

from order_router.rules import MOST_SAID, Facts, refusal
from shared.contracts import orders
from shared.contracts.orders import Order
from shared.contracts.rules import Rules, UnknownRules
from tests.builders import SHOP, order

ADDRESS = {"city": "London", "country": "GB", "postcode": "sw1a 1aa"}
LINES = [
    {"sku": "MUG-1", "quantity": 2, "weight": 350, "tags": ["Fragile", "kitchen"]},
    {"sku": "tea-9 ", "quantity": 3, "tags": ["food"]},
]


def order_of(**changes: Any) -> Order:
    whole = {
        "client": {"delivery_address": ADDRESS},
        "shipping": {"method": "Express"},
        "lines": LINES,
        "tags": ["VIP", "gift "],
        "channel": "web",
        "totals": {"total": "100.00"},
    }
    return orders.read(order(**{**whole, **changes}), SHOP)


WHOLE = order_of()
BARE = orders.read(order(client={}, lines=[]), SHOP)


def to(postcode: str) -> Order:
    return order_of(client={"delivery_address": {"postcode": postcode}})


def rules(*each: list[dict[str, Any]], **changes: Any) -> Rules:
    return Rules.model_validate({"rules": [{"conditions": conditions} for conditions in each], **changes})


def condition(field: str, operator: str, value: Any, **changes: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value, **changes}


TABLE: list[tuple[Order, str, str, Any, bool]] = [
    (WHOLE, "delivery_country", "in", ["de", "gb"], True),
    (WHOLE, "delivery_country", "in", ["DE"], False),
    (WHOLE, "delivery_country", "not_in", ["DE"], True),
    (WHOLE, "delivery_country", "not_in", ["gb"], False),
    (BARE, "delivery_country", "in", ["GB"], False),
    (BARE, "delivery_country", "not_in", ["GB"], True),
    (WHOLE, "postcode", "in", ["SW1A-1AA"], True),
    (WHOLE, "postcode", "not_in", ["SW1A1AA"], False),
    (WHOLE, "postcode", "prefix", "sw1 a", True),
    (WHOLE, "postcode", "prefix", "SW2", False),
    (WHOLE, "postcode", "between", ["SW1", "SW2"], True),
    (to("10115"), "postcode", "between", ["10000", "14999"], True),
    (to("10000"), "postcode", "between", ["10000", "14999"], True),
    (to("14999"), "postcode", "between", ["10000", "14999"], True),
    (to("15000"), "postcode", "between", ["10000", "14999"], False),
    (to("01067"), "postcode", "between", ["01000", "09999"], True),
    (to("100-0001"), "postcode", "between", ["1000000", "1009999"], True),
    (to(""), "postcode", "between", ["0", "ZZZ"], False),
    (BARE, "postcode", "prefix", "1", False),
    (BARE, "postcode", "not_in", ["10115"], True),
    (WHOLE, "sku", "in", ["CUP", " mug-1"], True),
    (WHOLE, "sku", "in", ["TEA-9"], True),
    (WHOLE, "sku", "in", ["MUG"], False),
    (WHOLE, "sku", "not_in", ["CUP"], True),
    (WHOLE, "sku", "not_in", ["CUP", "TEA-9"], False),
    (WHOLE, "sku", "prefix", "Tea", True),
    (WHOLE, "sku", "prefix", "CUP", False),
    (BARE, "sku", "in", ["MUG-1"], False),
    (BARE, "sku", "not_in", ["MUG-1"], True),
    (BARE, "sku", "prefix", "MUG", False),
    (WHOLE, "product_tag", "in", ["FOOD"], True),
    (WHOLE, "product_tag", "not_in", ["fragile"], False),
    (WHOLE, "product_tag", "prefix", "kit", True),
    (WHOLE, "product_tag", "in", ["vip"], False),
    (WHOLE, "total", "at_least", "100", True),
    (WHOLE, "total", "at_least", "100.01", False),
    (WHOLE, "total", "at_most", "99.99", False),
    (WHOLE, "total", "at_most", "100.000", True),
    (WHOLE, "total", "between", ["9.5", "100"], True),
    (WHOLE, "total", "between", ["100.01", "200"], False),
    (WHOLE, "weight", "between", [700, 700], True),
    (WHOLE, "weight", "at_least", 701, False),
    (WHOLE, "weight", "at_most", 699, False),
    (BARE, "weight", "at_most", 0, True),
    (WHOLE, "item_count", "at_least", 5, True),
    (WHOLE, "item_count", "at_most", 4, False),
    (WHOLE, "item_count", "between", [2, 5], True),
    (BARE, "item_count", "at_least", 1, False),
    (WHOLE, "shipping_method", "in", ["express"], True),
    (WHOLE, "shipping_method", "prefix", "EXP", True),
    (BARE, "shipping_method", "prefix", "e", False),
    (BARE, "shipping_method", "not_in", ["express"], True),
    (WHOLE, "sales_channel", "in", ["WEB"], True),
    (WHOLE, "sales_channel", "not_in", ["web"], False),
    (WHOLE, "order_tag", "in", ["gift"], True),
    (WHOLE, "order_tag", "prefix", "v", True),
    (WHOLE, "order_tag", "not_in", ["vip"], False),
    (WHOLE, "order_tag", "in", ["food"], False),
]


@pytest.mark.parametrize(("of", "field", "operator", "value", "holds"), TABLE)
def test_a_condition_holds_or_not(of: Order, field: str, operator: str, value: Any, holds: bool) -> None:
    given = [condition(field, operator, value)]
    assert (refusal(rules(given), Facts(of)) is None) == holds
    assert (refusal(rules(given, polarity="dont_send"), Facts(of)) is None) != holds


@pytest.mark.parametrize(("currency", "holds"), [(None, True), ("EUR", True), ("USD", False)])
def test_a_total_with_a_currency_holds_only_for_orders_in_it(currency: str | None, holds: bool) -> None:
    given = [condition("total", "at_least", "1", currency=currency)]
    assert (refusal(rules(given), Facts(WHOLE)) is None) == holds


HOLDS = condition("sku", "in", ["MUG-1"])
FAILS = condition("sku", "in", ["CUP"])


@pytest.mark.parametrize(
    ("polarity", "each", "reason"),
    [
        ("send", [], None),
        ("dont_send", [], None),
        ("send", [[HOLDS]], None),
        ("send", [[FAILS], [HOLDS, HOLDS]], None),
        ("send", [[HOLDS, FAILS], [FAILS]], "no rule lets this order through"),
        ("dont_send", [[HOLDS, FAILS], [FAILS]], None),
        ("dont_send", [[FAILS], [HOLDS]], "rule 2 keeps it back: sku in MUG-1"),
    ],
)
def test_all_conditions_of_any_rule_decide(polarity: str, each: Any, reason: str | None) -> None:
    assert refusal(rules(*each, polarity=polarity), Facts(WHOLE)) == reason


def test_the_reason_names_the_rule_in_few_words() -> None:
    many = condition("sku", "in", ["MUG-1", *(f"SKU-{number}" for number in range(999))])
    total = condition("total", "between", ["1", "100"], currency="EUR")
    assert refusal(rules([many, total], polarity="dont_send"), Facts(WHOLE)) == (
        "rule 1 keeps it back: sku in MUG-1, SKU-0, SKU-1 and 997 more and total between 1 and 100 EUR"
    )
    long = refusal(rules([condition("sku", "not_in", ["x" * 200] * 3)], polarity="dont_send"), Facts(WHOLE))
    assert long is not None
    assert (len(long), long[-1]) == (MOST_SAID, "…")


def test_rules_that_this_version_does_not_know_let_no_order_through() -> None:
    newer = UnknownRules.model_validate({"polarity": "ask"})
    assert refusal(newer, Facts(WHOLE)) == "its rules say what this version of the router does not know"

"""Proposed rules tried on orders that have been."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_router.orders import StoredOrder
from order_router.routing import decide
from order_router.simulations import MOST_EXAMPLES, Simulated, simulate, with_rules
from shared.contracts import orders
from shared.contracts.rules import Rules
from tests.builders import SHOP, THREEPL, link, order

NOW = {
    each.id: each for each in (link(rules=Rules(daily_limit=1)), link(id="link-2", rules=Rules(priority=2)))
}
AUSTRIA = Rules.model_validate(
    {"rules": [{"conditions": [{"field": "delivery_country", "operator": "in", "value": ["AT"]}]}]}
)
PROPOSED = with_rules(NOW, "link-1", AUSTRIA)


def stored(number: int, **changes: Any) -> StoredOrder:
    document = json.dumps({"shop": SHOP, **order(str(number))})
    return StoredOrder(SHOP, str(number), **{"document": document, "routable": True, **changes})


def test_orders_that_would_go_elsewhere_are_counted_and_the_first_are_shown() -> None:
    simulated = simulate([stored(number) for number in range(30)], NOW, PROPOSED)
    assert (simulated.now, simulated.proposed) == ({"link-1": 30}, {"link-2": 30})
    assert (simulated.moving, len(simulated.examples)) == (30, MOST_EXAMPLES)
    first = simulated.examples[0]
    assert (first.order.order_id, first.now.link_id, first.proposed.link_id) == ("0", "link-1", "link-2")


def test_only_the_rules_of_the_one_link_are_others() -> None:
    assert PROPOSED["link-2"] is NOW["link-2"]
    assert (PROPOSED["link-1"].rules, PROPOSED["link-1"].threepl_id) == (AUSTRIA, THREEPL)
    assert NOW["link-1"].rules == Rules(daily_limit=1)


@pytest.mark.parametrize(
    ("changes", "counted"),
    [
        ({}, {"decided": 1}),
        ({"routable": False}, {"not_routable": 1}),
        ({"stage": "cancelled"}, {"not_routable": 1}),
        ({"routable": False, "routed": True}, {"decided": 1}),
        ({"stage": "cancelled", "routed": True}, {"decided": 1}),
        ({"document": None}, {"unreadable": 1}),
        ({"document": '{"lines": 7}'}, {"unreadable": 1}),
    ],
)
def test_an_order_is_decided_if_it_ever_was_to_be_routed_and_can_be_read(
    changes: dict[str, Any], counted: dict[str, int]
) -> None:
    simulated = simulate([stored(1, **changes)], NOW, PROPOSED)
    told = {name: getattr(simulated, name) for name in ("decided", "not_routable", "unreadable")}
    assert told == {"decided": 0, "not_routable": 0, "unreadable": 0, **counted}


@given(st.lists(st.integers(0, 99), max_size=30, unique=True), st.integers(0, 30))
def test_it_is_the_same_in_parts_and_as_decided_one_by_one(numbers: list[int], cut: int) -> None:
    shares = {"link-1": link(), "link-2": link(id="link-2")}
    laid = [stored(number) for number in numbers]
    whole = simulate(laid, NOW, shares)
    assert simulate(laid[:cut], NOW, shares).plus(simulate(laid[cut:], NOW, shares)) == whole
    read = [orders.read(order(str(number)), SHOP) for number in numbers]
    for counted, links in ((whole.now, NOW), (whole.proposed, shares)):
        one_by_one = [decide(links.values(), each, {}).link_id for each in read]
        assert counted == {link_id: one_by_one.count(link_id) for link_id in set(one_by_one)}
    assert simulate([], NOW, shares) == Simulated()

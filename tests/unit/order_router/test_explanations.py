"""A decision told: why an order lies where it does, to each side."""

from dataclasses import replace
from typing import Any

import pytest

from order_router.explanations import BY_HAND, CANCELLED, NOT_ROUTABLE, WAITS, explain
from order_router.lifecycle import TOO_LATE
from order_router.orders import StoredOrder, holding_under
from order_router.routing import Decision
from shared.contracts.callers import Caller
from tests.builders import NOW, SHOP, THREEPL, link

SHOPS = Caller(account=SHOP, kind="shop", subject="ada")
THREEPLS = Caller(account=THREEPL, kind="threepl", subject="anna")
TO_NOBODY = Decision(link_id=None, verdicts=(), reason=TOO_LATE)
TO_LINK_1 = Decision(link_id="link-1", verdicts=(), reason="link link-1 comes first")
TO_LINK_2 = Decision(link_id="link-2", verdicts=(), reason="link link-2 comes first")
HELD = {"holding": holding_under(link())}


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ({"routable": True}, WAITS),
        ({}, NOT_ROUTABLE),
        ({"stage": "cancelled", "routable": True}, CANCELLED),
        ({"routed": True, **HELD}, BY_HAND),
        (
            {"routed": True, "decision": TO_NOBODY},
            "The router left it with the shop: its first routable version came too late.",
        ),
        (
            {"routed": True, "decision": TO_NOBODY, **HELD},
            "The router left it with the shop: its first routable version came too late."
            " Now link link-1 has it.",
        ),
        (
            {"routed": True, "decision": TO_LINK_1, **HELD},
            "The router sent it to link link-1: link link-1 comes first.",
        ),
        (
            {"routed": True, "decision": TO_LINK_1},
            "The router sent it to link link-1: link link-1 comes first. Now the shop has it.",
        ),
        (
            {"routed": True, "decision": TO_LINK_2, **HELD},
            "The router sent it to link link-2: link link-2 comes first. Now link link-1 has it.",
        ),
    ],
)
def test_a_shop_is_told_what_was_decided_and_what_became_of_it(order: dict[str, Any], sentence: str) -> None:
    assert explain(SHOPS, StoredOrder(SHOP, "1", **order), NOW).sentence == sentence


def test_a_3pl_that_got_an_order_by_hand_is_not_told_what_was_decided_before() -> None:
    order = StoredOrder(SHOP, "1", routed=True, decision=TO_LINK_2, holding=holding_under(link()))
    for decision in (TO_LINK_2, TO_NOBODY, None):
        told = explain(THREEPLS, replace(order, decision=decision), NOW)
        assert (told.sentence, told.routed_at, told.link_id) == (BY_HAND, None, None)
    assert explain(THREEPLS, replace(order, decision=TO_LINK_1), NOW).routed_at == NOW

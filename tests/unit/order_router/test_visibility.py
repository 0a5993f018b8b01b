"""Who sees an order, and what of it."""

from dataclasses import replace

import pytest

from order_router.orders import Actor, StoredOrder, holding_under
from order_router.routing import Decision, Verdict
from order_router.visibility import NOT_CHOSEN, decision_for, sees, settings_for, subject_for
from shared.contracts.callers import Caller
from shared.contracts.identifiers import AccountKind
from shared.contracts.links import Settings
from tests.builders import SHOP, THREEPL, account_id, link

OTHER_SHOP, OTHER_THREEPL = account_id("shop", 2), account_id("threepl", 2)
HELD = StoredOrder(SHOP, "1", holding=holding_under(link()))
WITH_SHOP = StoredOrder(SHOP, "1")
VERDICTS = (
    Verdict(link_id="link-0", reason="chosen"),
    Verdict(link_id="link-1", reason="priority 2 comes after 1"),
)


def caller(kind: AccountKind, account: str, *clients: str) -> Caller:
    return Caller(account=account, kind=kind, subject="ada", clients=frozenset(clients) if clients else None)


SHOPS, THREEPLS, OPERATOR = (
    caller("shop", SHOP),
    caller("threepl", THREEPL),
    caller("operator", account_id("operator", 1)),
)


@pytest.mark.parametrize(
    ("who", "held", "with_shop"),
    [
        (SHOPS, True, True),
        (OPERATOR, True, True),
        (THREEPLS, True, False),
        (caller("threepl", THREEPL, SHOP), True, False),
        (caller("threepl", THREEPL, OTHER_SHOP), False, False),
        (caller("threepl", OTHER_THREEPL), False, False),
        (caller("shop", OTHER_SHOP), False, False),
    ],
)
def test_an_order_is_seen_by_its_shop_its_holder_and_operators(
    who: Caller, held: bool, with_shop: bool
) -> None:
    assert (sees(who, HELD), sees(who, WITH_SHOP)) == (held, with_shop)


def test_only_the_shop_does_not_see_where_webhooks_go() -> None:
    settings = Settings(webhook_url="https://threepl.example/token", client_reference="ACME")
    assert settings_for(SHOPS, settings) == Settings(client_reference="ACME")
    assert settings_for(THREEPLS, settings) == settings_for(OPERATOR, settings) == settings


def test_a_3pl_that_was_chosen_sees_only_its_own_verdict() -> None:
    own = Verdict(link_id="link-1", reason="chosen")
    other = Verdict(link_id="link-0", reason="is inactive")
    decision = Decision(link_id="link-1", verdicts=(other, own), reason="link link-1 comes first")
    order = replace(HELD, decision=decision)
    assert decision_for(THREEPLS, order) == Decision(
        link_id="link-1", verdicts=(own,), reason="link link-1 comes first"
    )
    assert decision_for(SHOPS, order) == decision_for(OPERATOR, order) == decision


def test_a_3pl_that_was_passed_over_does_not_learn_for_whom() -> None:
    decision = Decision(link_id="link-0", verdicts=VERDICTS, reason="link link-0 comes first")
    seen = decision_for(THREEPLS, replace(HELD, decision=decision))
    own = Verdict(link_id="link-1", reason=NOT_CHOSEN)
    assert seen == Decision(link_id=None, verdicts=(own,), reason=NOT_CHOSEN)


def test_who_of_an_account_acted_is_its_own_and_operators_to_know() -> None:
    anna = Actor(THREEPL, "anna")
    assert [subject_for(who, anna) for who in (THREEPLS, OPERATOR, SHOPS)] == ["anna", "anna", None]

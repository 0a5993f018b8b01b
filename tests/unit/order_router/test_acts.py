"""What the two sides may do with an order in each stage, and what is said of it: rules without a database."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from order_router.acts import Act, Answer, Assign, MoveOn, Ship, TakeOver, perform
from order_router.lifecycle import bring_up
from order_router.orders import Actor, Outcome, StoredOrder, holding_under
from shared.contracts.assignments import Stage
from shared.contracts.links import Link
from shared.contracts.shipments import Consignment
from shared.errors import Problem
from tests.builders import NOW, SHOP, THREEPL, link

AT_3PL = Actor(THREEPL, "anna")
AT_SHOP = Actor(SHOP, "bert")
DHL = Consignment(carrier="DHL", tracking_number="JJD01")
TAKE_OVER: dict[str, Any] = {"requests": {"take_over": NOW}}
CANCELLATION: dict[str, Any] = {"requests": {"cancellation": NOW}}
STAGES: tuple[Stage, ...] = get_args(Stage)


def held(stage: Stage = "open", **changes: Any) -> StoredOrder:
    whole: dict[str, Any] = {
        "document": "{}",
        "stage": stage,
        "routable": True,
        "routed": True,
        "holding": holding_under(link()),
        "assigned_links": frozenset({"link-1"}),
        "sequence": 1,
    }
    return StoredOrder(SHOP, "1", **{**whole, **changes})


def with_shop(stage: Stage = "open", **changes: Any) -> StoredOrder:
    return held(stage, **{"holding": None, **changes})


def done(order: StoredOrder, act: Act, *links: Link) -> Outcome:
    actor = AT_3PL if act.side == "threepl" else AT_SHOP
    return perform(order, act, {each.id: each for each in links or (link(),)}, NOW, actor)


def said(outcome: Outcome) -> list[str]:
    """The announcements' types, with what they say of a request."""
    requests = [each.assignment.request for each in outcome.announcements]
    types = [each.type.rpartition(".")[2] for each in outcome.announcements]
    return [
        f"{name} {request.kind} {request.status}" if request else name
        for name, request in zip(types, requests, strict=True)
    ]


def refusal(order: StoredOrder, act: Act, *links: Link) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        done(order, act, *links)
    return caught.value.status, caught.value.kind


@pytest.mark.parametrize(
    ("act", "goes"),
    [
        (MoveOn("start"), {"open": "picking", "picking": "picking"}),
        (MoveOn("queue"), {"open": "queued", "picking": "queued", "queued": "queued"}),
        (Ship(DHL), {"open": "shipped", "picking": "shipped", "queued": "shipped"}),
        (MoveOn("deliver"), {"shipped": "delivered", "delivered": "delivered"}),
        (MoveOn("return"), {"shipped": "returned", "delivered": "returned", "returned": "returned"}),
    ],
    ids=["start", "queue", "ship", "deliver", "return"],
)
@pytest.mark.parametrize("stage", STAGES)
def test_a_3pl_moves_an_order_from_some_stages_only(act: Act, goes: dict[str, str], stage: Stage) -> None:
    if stage not in goes:
        assert refusal(held(stage), act) == (409, "wrong-stage")
        return
    outcome = done(held(stage), act)
    assert outcome.order.stage == goes[stage]
    assert said(outcome) == ([] if goes[stage] == stage else ["updated"])


@pytest.mark.parametrize(
    ("stage", "says", "holder", "after"),
    [
        ("open", ["released"], None, "open"),
        ("picking", ["updated take_over open"], "link-1", "picking"),
        ("queued", ["updated take_over open"], "link-1", "queued"),
    ],
)
def test_a_shop_takes_an_open_order_back_and_asks_for_one_that_is_begun(
    stage: Stage, says: list[str], holder: str | None, after: Stage
) -> None:
    outcome = done(held(stage), TakeOver())
    holding = outcome.order.holding
    assert (said(outcome), outcome.order.stage) == (says, after)
    assert (holding.link_id if holding else None) == holder


@pytest.mark.parametrize("stage", ["shipped", "delivered", "returned", "cancelled"])
def test_a_shop_can_not_take_over_what_is_on_its_way(stage: Stage) -> None:
    assert refusal(held(stage), TakeOver()) == (409, "wrong-stage")


def test_taking_over_twice_asks_once_and_what_the_shop_holds_is_its_already() -> None:
    asked = done(held("picking"), TakeOver()).order
    assert done(asked, TakeOver()) == Outcome(asked)
    assert done(with_shop(), TakeOver()) == Outcome(with_shop())


@pytest.mark.parametrize(
    ("order", "answer", "says", "stage", "holder"),
    [
        (held("picking", **TAKE_OVER), Answer("take_over", True), ["released take_over accepted"], "open", 0),
        (
            held("picking", **TAKE_OVER),
            Answer("take_over", False),
            ["updated take_over refused"],
            "picking",
            1,
        ),
        (
            held("queued", **CANCELLATION),
            Answer("cancellation", True),
            ["updated cancellation accepted"],
            "cancelled",
            1,
        ),
        (
            held("queued", **CANCELLATION),
            Answer("cancellation", False),
            ["updated cancellation refused"],
            "queued",
            1,
        ),
    ],
)
def test_the_3pl_answers_what_the_shop_asks(
    order: StoredOrder, answer: Answer, says: list[str], stage: Stage, holder: int
) -> None:
    outcome = done(order, answer)
    assert (said(outcome), outcome.order.stage) == (says, stage)
    assert (outcome.order.holding is not None, outcome.order.requests) == (bool(holder), {})
    assert refusal(outcome.order if holder else held("picking"), answer) == (409, "no-request")


BOTH: dict[str, Any] = {"requests": {"cancellation": NOW, "take_over": NOW}}


def test_of_two_requests_the_accepted_one_ends_the_other() -> None:
    cancelled = done(held("picking", **BOTH), Answer("cancellation", True))
    assert said(cancelled) == ["updated take_over refused", "updated cancellation accepted"]
    assert (cancelled.order.stage, cancelled.order.requests) == ("cancelled", {})


@pytest.mark.parametrize(
    ("requests", "says"),
    [
        (BOTH, ["updated cancellation accepted", "released take_over accepted"]),
        (TAKE_OVER, ["released take_over accepted"]),
    ],
    ids=["that is asked too", "that was refused before"],
)
def test_what_is_given_back_is_cancelled_if_that_was_ever_said(
    requests: dict[str, Any], says: list[str]
) -> None:
    outcome = done(held("picking", says_cancelled=True, **requests), Answer("take_over", True))
    assert (said(outcome), outcome.order.stage) == (says, "cancelled")
    assert (outcome.order.holding, outcome.order.requests) == (None, {})


def test_shipping_refuses_what_is_asked_and_names_whose_terms_apply() -> None:
    terms = link(settings={"charge_to": "shop", "client_reference": "ACME"})
    outcome = done(held("queued", holding=holding_under(terms), **BOTH), Ship(DHL))
    [shipment] = outcome.shipments
    assert said(outcome) == ["updated cancellation refused", "updated take_over refused", "updated"]
    assert (shipment.carrier, shipment.tracking_number, shipment.sequence) == ("DHL", "JJD01", 4)
    assert (shipment.charge_to, shipment.shipping_rules_from) == ("shop", "threepl")
    assert (shipment.support_tickets_from, shipment.client_reference) == ("threepl", "ACME")


def test_the_same_shipment_again_changes_nothing_and_another_one_is_refused() -> None:
    shipped = done(held("queued"), Ship(DHL)).order
    assert done(shipped, Ship(DHL)) == Outcome(shipped)
    assert refusal(shipped, Ship(Consignment(carrier="UPS"))) == (409, "wrong-stage")


def test_a_shop_assigns_what_it_holds_to_an_active_link() -> None:
    other = link(id="link-2", version=7, epoch=3)
    outcome = done(with_shop(routed=False), Assign("link-2"), link(), other)
    assert (said(outcome), outcome.order.routed) == (["assigned"], True)
    assert outcome.order.holding == holding_under(other)
    assert outcome.order.assigned_links == {"link-1", "link-2"}


@pytest.mark.parametrize(
    ("order", "to", "answer"),
    [
        (held(), link(id="link-2"), (409, "held-by-threepl")),
        (with_shop("cancelled"), link(id="link-2"), (409, "wrong-stage")),
        (with_shop(routable=False), link(id="link-2"), (409, "not-routable")),
        (with_shop(), link(id="link-2", status="inactive"), (409, "link-not-active")),
        (with_shop(), link(id="link-2", status="pending", threepl_id=None), (409, "link-not-active")),
        (with_shop(), link(id="link-2", status="deleted"), (404, "not-found")),
        (with_shop(), link(id="link-3"), (404, "not-found")),
    ],
)
def test_an_order_is_assigned_to_no_other_link(order: StoredOrder, to: Link, answer: tuple[int, str]) -> None:
    assert refusal(order, Assign("link-2"), link(), to) == answer


def test_a_request_lapses_after_a_day_as_refused() -> None:
    order = held("picking", **BOTH)
    before = bring_up(order, link(), NOW + timedelta(hours=24) - timedelta(microseconds=1))
    after = bring_up(order, link(), NOW + timedelta(hours=24))
    assert before == Outcome(order)
    assert said(after) == ["updated cancellation lapsed", "updated take_over lapsed"]
    assert after.order == replace(order, requests={}, sequence=3)


def test_each_act_is_a_line_of_the_history_by_who_did_it() -> None:
    outcome = done(held("picking", **TAKE_OVER), Ship(DHL))
    assert [(line.act, line.actor, line.stage) for line in outcome.lines] == [
        ("take_over_refused", AT_3PL, "picking"),
        ("ship", AT_3PL, "shipped"),
    ]

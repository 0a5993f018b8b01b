"""What becomes of an order when events come and links move on: rules without a database."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_router.lifecycle import Circumstances, apply_event, bring_up
from order_router.orders import Outcome, StoredOrder, Version
from order_router.sources import OrderEvent, translate
from shared.contracts.assignments import Stage
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.links import Link, OpenSetting
from tests.builders import NOW, SHOP, THREEPL, link, order

WEEK = timedelta(days=7)
NEW = StoredOrder(SHOP, "1")


def event(*, act: str = "created", **changes: Any) -> OrderEvent:
    source = CloudEvent(
        id="1",
        source=f"/shops/{SHOP}",
        type=f"com.orderdock.order.{act}",
        time=NOW,
        data=order("1", **changes),
    )
    read = translate(source, NOW)
    assert read is not None
    return read


def among(*links: Link, now: datetime = NOW) -> Circumstances:
    return Circumstances({each.id: each for each in links}, {}, now, WEEK)


def applied(stored: StoredOrder, happened: OrderEvent, number: int, *links: Link) -> Outcome:
    version = Version(number, "orders.created", 0, number)
    return apply_event(stored, happened, version, among(*links))


def said(outcome: Outcome) -> list[str]:
    return [each.type.rpartition(".")[2] for each in outcome.announcements]


def assigned(*links: Link) -> StoredOrder:
    return applied(NEW, event(), 1, *(links or (link(),))).order


def test_a_new_order_goes_to_the_active_link_and_says_so() -> None:
    outcome = applied(NEW, event(), 1, link())
    assert said(outcome) == ["assigned"]
    assert outcome.announcements[0].assignment.threepl_id == THREEPL
    assert outcome.order.sequence == 1


@pytest.mark.parametrize("status", ["pending", "inactive", "deleted"])
def test_an_order_goes_to_no_link_that_is_not_active(status: str) -> None:
    outcome = applied(NEW, event(), 1, link(status=status))
    assert (said(outcome), outcome.order.holding, outcome.order.routed) == ([], None, True)


def test_an_order_is_routed_once() -> None:
    stays = applied(NEW, event(), 1).order
    later = applied(stays, event(note="x"), 2, link())
    assert (said(later), later.order.holding) == ([], None)


def test_an_order_is_routed_at_its_first_routable_version() -> None:
    unpaid = applied(NEW, event(routable=False), 1, link())
    paid = applied(unpaid.order, event(act="updated"), 2, link())
    assert (said(unpaid), said(paid)) == ([], ["assigned"])


def test_an_older_version_changes_nothing() -> None:
    newer = applied(NEW, event(act="updated", note="new"), 2, link()).order
    assert applied(newer, event(note="old"), 1, link()) == Outcome(newer)


def test_what_an_order_is_found_by_can_be_stored() -> None:
    stored = applied(NEW, event(client={"name": "Ada\0", "email": "ADA@example.com"}), 1, link()).order
    assert stored.search == "#1 1 ada ada@example.com"


def test_at_a_tie_the_greater_place_wins() -> None:
    stored = applied(NEW, event(), 1, link()).order
    tie = Version(1, "orders.updated", 0, 0)
    outcome = apply_event(stored, event(note="tie"), tie, among(link()))
    assert said(outcome) == ["updated"]


def test_the_same_content_again_says_nothing() -> None:
    again = applied(assigned(), event(act="updated", revision=7, updated_at="2026-11-23"), 2, link())
    assert said(again) == []


def test_changed_content_is_said_to_the_holder() -> None:
    outcome = applied(assigned(), event(act="updated", note="ring twice"), 2, link())
    assert said(outcome) == ["updated"]
    assert '"note":"ring twice"' in outcome.announcements[0].document


def test_cancelled_is_final() -> None:
    cancelled = applied(assigned(), event(act="cancelled"), 2, link())
    revived = applied(cancelled.order, event(act="updated", note="x"), 3, link())
    assert (said(cancelled), cancelled.order.stage) == (["updated"], "cancelled")
    assert (said(revived), revived.order.stage) == (["updated"], "cancelled")


def begun(**changes: Any) -> StoredOrder:
    return replace(assigned(), stage="picking", **changes)


def requests(outcome: Outcome) -> list[str | None]:
    told = [each.assignment.request for each in outcome.announcements]
    return [request.status if request else None for request in told]


def test_a_cancellation_of_a_begun_order_is_asked_of_its_3pl() -> None:
    outcome = applied(begun(), event(act="cancelled"), 2, link())
    assert (said(outcome), requests(outcome), outcome.order.stage) == (["updated"], ["open"], "picking")
    assert outcome.order.requests == {"cancellation": NOW}


def test_a_version_that_repeats_a_refused_cancellation_asks_nothing() -> None:
    refused = replace(applied(begun(), event(act="cancelled"), 2, link()).order, requests={})
    again = applied(refused, event(act="cancelled", note="x"), 3, link())
    revived = applied(again.order, event(act="updated", note="y"), 4, link())
    repeated = applied(revived.order, event(act="cancelled", note="z"), 5, link())
    assert [requests(each) for each in (again, revived, repeated)] == [[None], [None], [None]]


def test_while_a_cancellation_waits_changed_content_is_said_and_nothing_is_asked_again() -> None:
    asked = applied(begun(), event(act="cancelled"), 2, link()).order
    again = applied(asked, event(act="cancelled", note="y"), 3, link())
    assert (said(again), requests(again)) == (["updated"], [None])
    assert again.order.requests == {"cancellation": NOW}


@pytest.mark.parametrize("stage", ["shipped", "delivered", "returned"])
def test_a_cancellation_of_what_is_on_its_way_is_refused_by_that(stage: Stage) -> None:
    outcome = applied(replace(assigned(), stage=stage), event(act="cancelled"), 2, link())
    assert (requests(outcome), outcome.order.stage, outcome.order.requests) == (["refused"], stage, {})
    assert [line.act for line in outcome.lines] == ["cancellation_refused"]


def test_an_order_that_is_cancelled_first_goes_to_nobody() -> None:
    cancelled = applied(NEW, event(act="cancelled"), 2, link()).order
    created = applied(cancelled, event(), 3, link())
    assert (created.order.holding, created.order.stage, said(created)) == (None, "cancelled", [])


def test_a_first_routable_version_of_last_month_stays_with_the_shop() -> None:
    version = Version(1, "orders.created", 0, 0)
    outcome = apply_event(NEW, event(), version, among(link(), now=NOW + timedelta(days=30)))
    assert (outcome.order.holding, outcome.order.routed) == (None, True)


def test_an_order_of_an_older_epoch_goes_back_to_the_shop() -> None:
    outcome = bring_up(assigned(), link(version=3, epoch=1), NOW)
    assert (said(outcome), outcome.order.holding) == (["released"], None)
    assert outcome.announcements[0].assignment.holder == "shop"


@pytest.mark.parametrize("epoch", [0])
def test_an_order_of_the_same_epoch_stays(epoch: int) -> None:
    assert bring_up(assigned(), link(version=2, epoch=epoch), NOW) == Outcome(assigned())


def test_a_released_order_is_not_grabbed_back() -> None:
    released = bring_up(assigned(), link(version=3, epoch=1), NOW).order
    later = applied(released, event(act="updated", note="x"), 2, link(version=3, epoch=1))
    assert (later.order.holding, said(later)) == (None, [])


def test_a_cancelled_order_stays_where_it_is_when_the_link_ends() -> None:
    cancelled = applied(assigned(), event(act="cancelled"), 2, link()).order
    assert bring_up(cancelled, link(version=3, epoch=1), NOW) == Outcome(cancelled)


def test_only_newer_open_settings_are_taken() -> None:
    before = assigned(link(version=4, settings={"client_reference": "A", "charge_to": "shop"}))
    moved = link(
        version=9,
        settings={"client_reference": "C", "charge_to": "threepl"},
        open_settings={
            "client_reference": OpenSetting(value="B", version=7),
            "charge_to": OpenSetting(value="threepl", version=3),
        },
    )
    outcome = bring_up(before, moved, NOW)
    assert outcome.order.holding is not None
    settings = outcome.order.holding.settings
    assert (settings.client_reference, settings.charge_to, said(outcome)) == ("B", "shop", [])
    assert bring_up(outcome.order, moved, NOW) == Outcome(outcome.order)


@given(st.permutations(["created", "updated", "updated", "cancelled"]), st.data())
def test_events_in_any_order_end_with_the_newest_content(acts: list[str], data: st.DataObject) -> None:
    numbered = [(number, event(act=act, note=str(number))) for number, act in enumerate(acts, 1)]
    stored, sequences = NEW, []
    for number, happened in data.draw(st.permutations(numbered)):
        outcome = applied(stored, happened, number, link())
        sequences += [each.assignment.sequence for each in outcome.announcements]
        stored = outcome.order
    assert stored.version is not None
    assert stored.version.number == len(acts)
    assert f'"note":"{len(acts)}"' in (stored.document or "")
    assert sequences == list(range(1, len(sequences) + 1))


def test_assigned_and_released_alternate() -> None:
    stored, types = NEW, []
    for number, epoch in enumerate(itertools.repeat(0, 3), 1):
        outcome = applied(stored, event(note=str(number)), number, link(epoch=epoch))
        types += said(outcome)
        stored = outcome.order
    types += said(bring_up(stored, link(version=2, epoch=1), NOW))
    assert types == ["assigned", "updated", "updated", "released"]

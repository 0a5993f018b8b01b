"""What each act of each side makes of a link in each state, and the arithmetic of versions and epochs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration import lifecycle
from integration.accounts import Plan
from integration.lifecycle import Verb
from integration.links import OwnLink
from shared.contracts.links import OpenSetting, Settings, Side
from shared.contracts.rules import Rules
from shared.errors import Problem
from tests.builders import NOW, SHOP, THREEPL, account, own_link

LATER = NOW + timedelta(hours=1)

# The state of a link that the shop started: its status, and who has a switch on (S the shop, T the 3PL).
# "=" is the very same link, a word with neither slash nor "=" the refusal.
TABLE = """
state        activate-shop          activate-threepl       deactivate-shop deactivate-threepl delete
pending/S-   waiting-for-other-side active/ST              pending/--      =                  deleted/S-
pending/--   pending/S-             pending/-T             =               =                  deleted/--
pending/-T   active/ST              waiting-for-other-side =               pending/--         deleted/-T
active/ST    =                      =                      inactive/-T     inactive/S-        deleted/ST
inactive/S-  waiting-for-other-side active/ST              inactive/--     =                  deleted/S-
inactive/-T  active/ST              waiting-for-other-side =               inactive/--        deleted/-T
inactive/--  inactive/S-            inactive/-T            =               =                  deleted/--
deleted/ST   link-deleted           link-deleted           link-deleted    link-deleted       link-deleted
"""
HEAD, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(row[0], act, wanted) for row in ROWS for act, wanted in zip(HEAD[1:], row[1:], strict=True)]
ACTS = HEAD[1:]


def in_state(state: str) -> OwnLink:
    status, switches = state.split("/")
    return own_link(status=status, shop_on="S" in switches, threepl_on="T" in switches, version=7, epoch=3)


def state_of(of: OwnLink) -> str:
    return f"{of.status}/{'S' if of.shop_on else '-'}{'T' if of.threepl_on else '-'}"


def done(act: str, to: OwnLink) -> OwnLink:
    verb, _, side = act.partition("-")
    for each in get_args(Verb):
        if each == verb:
            return lifecycle.act(to, each, "shop" if side == "shop" else "threepl", "conquer", LATER)
    raise AssertionError(f"there is no act {verb}")


def outcome(act: str, to: OwnLink) -> str:
    try:
        after = done(act, to)
    except Problem as problem:
        return problem.kind
    return "=" if after is to else state_of(after)


def refusal(call: Callable[[], object]) -> str | None:
    """The kind of problem that the call raises, if it does."""
    try:
        call()
    except Problem as problem:
        return problem.kind
    return None


@pytest.mark.parametrize(("state", "act", "wanted"), CELLS)
def test_every_act_in_every_state_has_the_outcome_of_the_table(state: str, act: str, wanted: str) -> None:
    assert outcome(act, in_state(state)) == wanted


@pytest.mark.parametrize(("state", "act", "wanted"), [cell for cell in CELLS if "/" in cell[2]])
def test_a_change_counts_one_version_and_an_end_one_epoch(state: str, act: str, wanted: str) -> None:
    before = in_state(state)
    after = done(act, before)
    ended = wanted.startswith("deleted") or (state, wanted[:8]) == ("active/ST", "inactive")
    assert (after.version, after.epoch) == (8, 4 if ended else 3)
    assert (after.changed_at, after.created_at) == (LATER, NOW)


def started(side: Side, plan: Plan = "conquer") -> OwnLink:
    """A new link of a shop and a 3PL, the starter on this plan."""
    other: Side = "threepl" if side == "shop" else "shop"
    return lifecycle.start("link-9", account(side, plan=plan), side, account(other), None, NOW)


@pytest.mark.parametrize("side", ["shop", "threepl"])
def test_a_new_link_is_pending_with_its_starters_switch_on(side: Side) -> None:
    new = started(side)
    assert (new.status, new.shop_on, new.threepl_on) == ("pending", side == "shop", side == "threepl")
    assert (new.version, new.epoch, new.started_by) == (1, 0, side)
    assert new.settings == Settings()
    assert (new.shop_id, new.shop_name) == (SHOP, "The shop")
    assert (new.threepl_id, new.threepl_name, new.email) == (THREEPL, "The threepl", None)


def test_a_link_holds_the_invited_email_until_an_account_takes_its_place() -> None:
    new = lifecycle.start("link-9", account("shop"), "shop", None, "depot@example.com", NOW)
    assert (new.threepl_id, new.email, new.status) == (None, "depot@example.com", "pending")
    joined = lifecycle.accept(new, account("threepl"), LATER)
    assert (joined.threepl_id, joined.threepl_name, joined.email) == (THREEPL, "The threepl", None)
    assert (joined.status, joined.threepl_on, joined.version, joined.epoch) == ("pending", False, 2, 0)
    assert (
        refusal(lambda: lifecycle.accept(in_state("deleted/ST"), account("threepl"), LATER)) == "link-deleted"
    )


LAPSES = [
    ("pending/S-", "shop", "pending/--", 3),
    ("active/ST", "shop", "inactive/-T", 4),
    ("active/ST", "threepl", "inactive/S-", 4),
    ("inactive/S-", "shop", "inactive/--", 3),
]


@pytest.mark.parametrize(("state", "side", "wanted", "epoch"), LAPSES)
def test_a_lapse_turns_off_the_switch_of_its_side(state: str, side: Side, wanted: str, epoch: int) -> None:
    after = lifecycle.lapse(in_state(state), side, LATER)
    assert (state_of(after), after.version, after.epoch) == (wanted, 8, epoch)


@pytest.mark.parametrize("side", ["shop", "threepl"])
def test_the_starter_cannot_activate_its_own_link_and_is_told_why(side: Side) -> None:
    new = started(side)
    with pytest.raises(Problem, match="You started this link, so your switch is on already") as refused:
        lifecycle.act(new, "activate", side, "conquer", LATER)
    assert (refused.value.status, refused.value.kind) == (409, "waiting-for-other-side")


PLANS: list[tuple[Side, Plan, bool]] = [
    ("shop", "free", False),
    ("shop", "grow", True),
    ("shop", "conquer", True),
    ("threepl", "free", False),
    ("threepl", "grow", False),
    ("threepl", "conquer", True),
]


@pytest.mark.parametrize(("side", "plan", "enough"), PLANS)
def test_starting_and_activating_need_the_plan(side: Side, plan: Plan, enough: bool) -> None:
    wanted = None if enough else "plan-required"
    assert refusal(lambda: started(side, plan)) == wanted
    assert refusal(lambda: lifecycle.act(in_state("inactive/--"), "activate", side, plan, LATER)) == wanted


def test_deactivating_and_deleting_need_no_plan() -> None:
    on = in_state("active/ST")
    assert lifecycle.act(on, "deactivate", "shop", "free", LATER).status == "inactive"
    assert lifecycle.act(on, "delete", "shop", "free", LATER).status == "deleted"


URL = "https://hooks.example.com/orders"


def test_settings_for_new_orders_leave_the_open_orders_alone() -> None:
    before = own_link(open_settings={"charge_to": OpenSetting(value="shop", version=1)}, version=3)
    after = lifecycle.change_settings(
        before, "threepl", Settings(webhook_url=URL), {"webhook_url"}, "new_orders", LATER
    )
    assert (after.settings.webhook_url, after.version, after.epoch) == (URL, 4, 0)
    assert after.open_settings == before.open_settings


def test_settings_for_open_orders_record_every_field_given_or_changed_and_only_those() -> None:
    before = own_link(
        settings=Settings(webhook_url=URL, charge_to="shop", client_reference="c-1"),
        open_settings={"support_tickets_from": OpenSetting(value="shop", version=2)},
        version=3,
    )
    wanted = Settings(webhook_url=URL, client_reference="c-1")
    after = lifecycle.change_settings(before, "threepl", wanted, {"webhook_url"}, "open_orders", LATER)
    assert after.open_settings == {
        "support_tickets_from": OpenSetting(value="shop", version=2),
        "charge_to": OpenSetting(value="threepl", version=4),
        "webhook_url": OpenSetting(value=URL, version=4),
    }


def test_equal_settings_or_rules_for_new_orders_change_nothing() -> None:
    same = own_link()
    assert lifecycle.change_settings(same, "threepl", Settings(), {"charge_to"}, "new_orders", LATER) is same
    assert lifecycle.change_rules(same, "shop", Rules(), LATER) is same


def test_settings_are_the_3pls_and_rules_the_shops() -> None:
    other = Settings(charge_to="shop")
    tried = refusal(lambda: lifecycle.change_settings(own_link(), "shop", other, (), "new_orders", LATER))
    assert tried == "wrong-side"
    assert refusal(lambda: lifecycle.change_rules(own_link(), "threepl", Rules(priority=2), LATER)) == tried


def test_settings_can_be_edited_while_pending_but_not_once_deleted() -> None:
    wanted: dict[str, Any] = {"settings": Settings(webhook_url=URL), "given": (), "apply_to": "new_orders"}
    pending = lifecycle.change_settings(in_state("pending/S-"), "threepl", now=LATER, **wanted)
    assert (pending.status, pending.settings.webhook_url) == ("pending", URL)
    gone = in_state("deleted/ST")
    tried = refusal(lambda: lifecycle.change_settings(gone, "threepl", now=LATER, **wanted))
    assert tried == "link-deleted"


@given(st.sampled_from(["shop", "threepl"]), st.lists(st.sampled_from(ACTS), max_size=30))
def test_whatever_is_done_status_follows_the_switches_and_the_counts_have_no_gap(
    starter: Side, acts: list[str]
) -> None:
    now = started(starter)
    was_active = False
    for act in acts:
        before = now
        try:
            now = done(act, before)
        except Problem:
            continue
        was_active = was_active or now.status == "active"
        changed = now is not before
        ended = (before.status == "active" and now.status == "inactive") or (
            changed and now.status == "deleted"
        )
        assert now.version == before.version + changed
        assert now.epoch == before.epoch + ended
        both = now.shop_on and now.threepl_on
        live = "active" if both else "inactive" if was_active else "pending"
        assert now.status in (live, "deleted")

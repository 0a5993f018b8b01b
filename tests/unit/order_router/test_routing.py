"""Which link an order goes to, and that nothing but its arguments decides it."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_router.freshness import CATCHING_UP, LAGGING, Freshness, Observation
from order_router.routing import Decision, decide
from shared.contracts import orders
from shared.contracts.links import Link
from shared.contracts.orders import Order
from shared.contracts.rules import Rules
from tests.builders import NOW, SHOP, link, order


def order_of(number: int = 1001) -> Order:
    return orders.read(order(str(number)), SHOP)


def sharing(name: str, share: int, **changes: Any) -> Link:
    return link(id=name, rules=Rules(share=share), **changes)


def reasons(decision: Decision) -> dict[str, str]:
    return {verdict.link_id: verdict.reason for verdict in decision.verdicts}


CUPS = Rules.model_validate(
    {"rules": [{"conditions": [{"field": "sku", "operator": "in", "value": ["CUP"]}]}]}
)
NO_MUGS = Rules.model_validate(
    {
        "polarity": "dont_send",
        "rules": [{"conditions": [{"field": "sku", "operator": "prefix", "value": "mug"}]}],
    }
)
LINKS = [
    link(id="second", rules=Rules(priority=2), created_at=NOW),
    link(id="one", rules=Rules(share=2), created_at=NOW + timedelta(days=2)),
    link(id="other", created_at=NOW + timedelta(days=1)),
    link(id="off", status="inactive", created_at=NOW),
    link(id="cups", rules=CUPS, created_at=NOW),
    link(id="no-mugs", rules=NO_MUGS, created_at=NOW),
    link(id="newer", rules={"polarity": "ask"}, created_at=NOW),
]
ORDERS = [order_of(number) for number in range(10_000)]


def test_the_first_priority_whose_rules_let_it_through_wins_and_every_link_is_told_why() -> None:
    decision = decide(LINKS, order_of(), {})
    assert (decision.link_id, decision.reason) == ("one", "link one comes first")
    assert reasons(decision) == {
        "cups": "no rule lets this order through",
        "newer": "its rules say what this version of the router does not know",
        "no-mugs": "rule 1 keeps it back: sku prefix mug",
        "off": "is inactive",
        "one": "chosen",
        "other": "by the shares this order falls to the chosen link",
        "second": "priority 2 comes after 1",
    }


@pytest.mark.parametrize(
    ("links", "reason"),
    [
        ([], "the shop has no active link"),
        ([link(status="pending")], "the shop has no active link"),
        (
            [link(rules=CUPS), link(id="off", status="inactive")],
            "no active link's rules and limit let this order through",
        ),
    ],
)
def test_an_order_that_nobody_may_have_stays_with_the_shop(links: list[Link], reason: str) -> None:
    decision = decide(links, order_of(), {})
    assert (decision.link_id, decision.reason) == (None, reason)
    assert len(decision.verdicts) == len(links)


FULL = [
    link(id="full", rules=Rules(daily_limit=2), created_at=NOW),
    link(id="next", rules=Rules(priority=2, daily_limit=3), created_at=NOW),
]


@pytest.mark.parametrize(
    ("counts", "goes_to", "reason"),
    [
        ({}, "full", "link full comes first"),
        ({"full": 1, "next": 3}, "full", "link full comes first"),
        ({"full": 2, "next": 2}, "next", "link next comes first"),
        ({"full": 3, "next": 3}, None, "no active link's rules and limit let this order through"),
    ],
)
def test_a_link_gets_no_more_orders_a_day_than_its_limit(
    counts: dict[str, int], goes_to: str | None, reason: str
) -> None:
    decision = decide(FULL, order_of(), counts)
    assert (decision.link_id, decision.reason) == (goes_to, reason)
    full = "its daily limit of 2 orders is reached"
    assert (reasons(decision)["full"] == full) == (counts.get("full", 0) >= 2)


RULES = st.builds(
    Rules,
    polarity=st.sampled_from(["send", "dont_send"]),
    rules=st.sampled_from([(), CUPS.rules, NO_MUGS.rules]),
    priority=st.integers(1, 3),
    share=st.integers(1, 5),
    daily_limit=st.none() | st.integers(1, 3),
)
ANY_LINKS = st.lists(
    st.builds(
        link,
        id=st.sampled_from("abcdefgh"),
        rules=RULES,
        status=st.sampled_from(["active"] * 4 + ["inactive", "pending"]),
        created_at=st.integers(0, 3).map(lambda days: NOW + timedelta(days=days)),
    ),
    unique_by=lambda each: each.id,
    max_size=8,
)
COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 4))


@given(ANY_LINKS, COUNTS, st.sampled_from(ORDERS), st.randoms())
def test_a_shuffled_list_of_links_gives_the_same_answer(
    links: list[Link], counts: dict[str, int], of: Order, chance: random.Random
) -> None:
    shuffled = chance.sample(links, len(links))
    decision = decide(shuffled, of, dict(reversed(counts.items())))
    assert decision == decide(links, of, counts)
    assert [each.link_id for each in decision.verdicts] == [
        each.id for each in sorted(links, key=lambda each: (each.created_at, each.id))
    ]


@pytest.mark.parametrize("shares", [(1, 1), (1, 3), (5, 3, 2), (1000, 1)])
def test_links_of_one_priority_get_orders_by_their_shares(shares: tuple[int, ...]) -> None:
    links = [sharing(f"link-{number}", share) for number, share in enumerate(shares)]
    got = Counter(decide(links, each, {}).link_id for each in ORDERS)
    for each, share in zip(links, shares, strict=True):
        assert got[each.id] / len(ORDERS) == pytest.approx(share / sum(shares), abs=0.02)


def test_a_new_link_takes_orders_and_moves_none_between_the_others() -> None:
    links = [sharing("a", 3), sharing("b", 2)]
    more = [*links, sharing("c", 5, created_at=NOW - timedelta(days=1))]
    moved = {(decide(links, each, {}).link_id, decide(more, each, {}).link_id) for each in ORDERS[:2000]}
    assert moved == {("a", "a"), ("b", "b"), ("a", "c"), ("b", "c")}


def test_the_shares_fall_the_same_way_everywhere() -> None:
    links = [sharing("a", 1), sharing("b", 1), sharing("c", 2)]
    fallen = [decide(links, order_of(number), {}).link_id for number in range(24)]
    assert fallen == list("ccbccccbcabacabbbbbcacca")


PLACE = ("links", 0)


def test_orders_wait_until_the_links_are_applied_up_to_the_end_seen_at_the_start() -> None:
    start = Freshness().observe(Observation(0, {PLACE: 5}), {PLACE: 4})
    assert start.doubt(1) == CATCHING_UP
    assert start.observe(Observation(1, {PLACE: 6}), {PLACE: 5}).doubt(1) is None


def test_before_the_partitions_of_links_are_known_nothing_is_caught_up() -> None:
    assert Freshness().observe(Observation(0, {}), {}).doubt(0) == CATCHING_UP


def test_an_empty_topic_is_applied() -> None:
    assert Freshness().observe(Observation(0, {PLACE: 0}), {}).doubt(0) is None


def test_orders_pause_while_the_oldest_record_not_applied_is_older_than_thirty_seconds() -> None:
    seen = Freshness().observe(Observation(0, {PLACE: 5}), {PLACE: 5})
    for second in range(1, 40):
        seen = seen.observe(Observation(second, {PLACE: 5 + second}), {PLACE: 5})
        assert seen.doubt(second) == (LAGGING if second > 31 else None)
    assert seen.observe(Observation(41, {PLACE: 44}), {PLACE: 44}).doubt(41) is None


def test_orders_pause_when_nobody_could_look_for_thirty_seconds() -> None:
    seen = Freshness().observe(Observation(0, {PLACE: 5}), {PLACE: 5})
    assert (seen.doubt(29), seen.doubt(31)) == (None, LAGGING)

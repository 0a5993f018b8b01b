"""Which link an order goes to, and that nothing but its arguments decides it."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from order_router.freshness import CATCHING_UP, LAGGING, Freshness, Observation
from order_router.routing import decide
from shared.contracts.links import Link, Rules
from tests.builders import NOW, link

LINKS = [
    link(id="old", rules=Rules(priority=2), created_at=NOW),
    link(id="young", rules=Rules(priority=1), created_at=NOW + timedelta(days=2)),
    link(id="middle", rules=Rules(priority=1), created_at=NOW + timedelta(days=1)),
    link(id="off", status="inactive", rules=Rules(priority=1), created_at=NOW),
]


def test_the_first_priority_wins_and_among_equals_the_older() -> None:
    decision = decide(LINKS)
    assert decision.link_id == "middle"
    assert {verdict.link_id: verdict.reason for verdict in decision.verdicts} == {
        "off": "is inactive",
        "middle": "chosen",
        "young": "is younger than the chosen link",
        "old": "priority 2 comes after 1",
    }


@given(st.permutations(LINKS))
def test_a_shuffled_list_of_links_gives_the_same_answer(links: list[Link]) -> None:
    assert decide(links) == decide(LINKS)


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

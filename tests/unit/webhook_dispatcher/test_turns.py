"""Endpoints take turns: none is forgotten, waits for another, or gets more than it takes (DESIGN 5.7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.webhook_dispatcher.turns_world import LEASE, Target, World
from webhook_dispatcher.gates import CLOSED, MOST_FAILURES, Breaker, Pace
from webhook_dispatcher.turns import FRESH, MOST_ASKED, SHARE, Look, Turns

T = 1_795_435_200.0
QUICK = 0.01
MANY = 10_000
PACE = Pace(50)
DUE = Look(PACE, CLOSED, T, 0)


def known(*endpoint_ids: str, look: Look = DUE, now: float = T) -> Turns:
    """Turns that know these endpoints, at each of which something is due."""
    turns = Turns()
    turns.wake(endpoint_ids, now)
    turns.seen(turns.unseen(), dict.fromkeys(endpoint_ids, look), now)
    return turns


def claimed(turns: Turns, got: dict[str, int], now: float = T, free: int = MANY) -> dict[str, int]:
    """What was asked for in a claim that found so many at most."""
    asked = turns.allot(free, now)
    turns.claimed(asked, {each: min(got.get(each, 0), room) for each, room in asked.items()}, now)
    return asked


def test_an_unknown_endpoint_is_looked_at_before_anything_goes_to_it() -> None:
    turns = Turns()
    turns.wake(["a"], T)
    assert turns.allot(MANY, T) == {}
    assert (list(turns.unseen()), turns.has_unseen) == (["a"], True)
    turns.seen(turns.unseen(), {"a": DUE}, T)
    assert (turns.has_unseen, turns.allot(MANY, T)) == (False, {"a": 50})


def test_a_disabled_endpoint_gets_nothing_until_somebody_wakes_it() -> None:
    turns = Turns()
    turns.wake(["a"], T)
    turns.seen(turns.unseen(), {}, T)
    assert (turns.has_unseen, turns.allot(MANY, T + 60), turns.next_at()) == (False, {}, None)
    turns.wake(["a"], T + 60)
    assert list(turns.unseen()) == ["a"]


def test_one_found_empty_is_looked_at_again_and_called_when_the_next_is_due() -> None:
    turns = known("a")
    assert claimed(turns, {"a": 3}) == {"a": 50}
    turns.seen(turns.unseen(), {"a": DUE._replace(due_at=T + 30)}, T)
    assert (turns.allot(MANY, T + 29.9), turns.next_at()) == ({}, T + 30)
    assert turns.allot(MANY, T + 30) == {"a": 47}


def test_a_wake_during_a_look_outlives_what_the_look_found() -> None:
    turns = Turns()
    turns.wake(["a"], T)
    asked = turns.unseen()
    turns.wake(["a"], T)
    turns.seen(asked, {"a": DUE._replace(due_at=None)}, T)
    assert turns.allot(MANY, T) == {"a": 50}


def test_an_enabling_during_a_look_outlives_that_it_was_found_disabled() -> None:
    turns = Turns()
    turns.wake(["a"], T)
    asked = turns.unseen()
    turns.wake(["a"], T)
    turns.seen(asked, {}, T)
    assert list(turns.unseen()) == ["a"]


def test_a_retry_put_back_during_a_look_is_called_at_its_time_and_not_at_its_leases_end() -> None:
    turns = known("a")
    claimed(turns, {"a": 1})
    asked = turns.unseen()
    turns.answered("a", well=False, seconds=QUICK, now=T, chance=0.0)
    turns.due("a", T + 3, T)
    turns.seen(asked, {"a": DUE._replace(due_at=T + LEASE)}, T)
    turns.claimed(turns.allot(MANY, T), {}, T)
    turns.seen(turns.unseen(), {"a": DUE._replace(due_at=T + 3)}, T)
    assert turns.next_at() == T + 3


def test_an_earlier_retry_comes_before_one_that_waits_for_longer() -> None:
    turns = known("a", look=DUE._replace(due_at=None))
    turns.due("a", T + 6, T)
    turns.due("a", T + 3, T)
    turns.due("a", T + 9, T)
    assert (turns.next_at(), turns.allot(MANY, T + 2.9), turns.allot(MANY, T + 3)) == (T + 3, {}, {"a": 50})


def test_what_is_known_of_a_busy_endpoint_is_renewed_after_a_while() -> None:
    turns = known("a", look=DUE._replace(pace=Pace(1)))
    claimed(turns, {"a": 1})
    turns.answered("a", well=True, seconds=QUICK, now=T + FRESH, chance=0.0)
    claimed(turns, {"a": 1}, now=T + FRESH)
    assert not turns.has_unseen
    turns.answered("a", well=True, seconds=QUICK, now=T + FRESH + 1, chance=0.0)
    claimed(turns, {"a": 1}, now=T + FRESH + 1)
    turns.seen(turns.unseen(), {"a": DUE._replace(pace=Pace(7))}, T + FRESH + 1)
    assert turns.allot(MANY, T + FRESH + 1) == {"a": 6}


def test_an_endpoint_enabled_again_is_called_at_once_although_its_breaker_was_open() -> None:
    world = World({"a": Target(PACE)}, T)
    world.put("a", 0)
    world.hear()
    for _ in range(MOST_FAILURES):
        world.run()
        world.answer("a", well=False, seconds=QUICK, wait=0.0)
        world.settle()
    world.disable("a")
    world.run()
    assert world.targets["a"].in_flight == []
    world.enable("a")
    world.hear()
    world.run()
    assert len(world.targets["a"].in_flight) == 1


def test_an_open_breaker_of_another_process_holds_here_too() -> None:
    turns = known("a", look=DUE._replace(breaker=Breaker("open", T + 40, openings=1)))
    assert (turns.allot(MANY, T), turns.next_at()) == ({}, T + 40)
    assert claimed(turns, {"a": 1}, now=T + 40) == {"a": 1}
    breaker = turns.answered("a", well=False, seconds=QUICK, now=T + 40, chance=0.0)
    assert breaker == Breaker("open", T + 50, openings=2, failures=1, seconds=QUICK)


def test_turns_go_round_and_one_claim_asks_for_few_of_many() -> None:
    names = [f"{number:03}" for number in range(MOST_ASKED + 50)]
    turns = known(*names, look=DUE._replace(pace=Pace(1)))
    first = claimed(turns, dict.fromkeys(names, 1))
    second = claimed(turns, dict.fromkeys(names, 1))
    assert (len(first), len(second)) == (MOST_ASKED, 50)
    assert first.keys() | second.keys() == set(names)


def test_what_is_free_is_shared_by_those_that_wait() -> None:
    asked = known(*(str(number) for number in range(10))).allot(100, T)
    assert len(asked) == 10
    assert max(asked.values()) <= 100 // SHARE


@pytest.mark.parametrize("hanging", [1, 20, 40])
def test_endpoints_that_hang_leave_room_for_others(hanging: int) -> None:
    names = [str(number) for number in range(hanging)]
    turns, free = known(*names), 500
    for _ in range(50):
        free -= sum(claimed(turns, dict.fromkeys(names, MANY), free=free).values())
    assert free > 0
    turns.wake(["healthy"], T)
    turns.seen(turns.unseen(), {"healthy": DUE}, T)
    assert claimed(turns, {"healthy": 1}, free=free)["healthy"] >= 1


@given(st.integers(1, 30), st.integers(0, 30), st.integers(1, 60), st.integers(1, 20))
def test_every_endpoint_gets_its_turn_while_anything_is_free(
    healthy: int, hanging: int, capacity: int, concurrency: int
) -> None:
    names = [f"well {number}" for number in range(healthy)] + [f"hangs {number}" for number in range(hanging)]
    turns = known(*names, look=DUE._replace(pace=Pace(concurrency)))
    in_flight, last_turn = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for number in range(1, 200):
        free = capacity - sum(in_flight.values())
        if free == 0:
            return
        for name, count in claimed(turns, dict.fromkeys(names, MANY), free=free).items():
            in_flight[name], last_turn[name] = in_flight[name] + count, number
            assert in_flight[name] <= concurrency
        waiting = [name for name in names if not in_flight[name]]
        assert [name for name in waiting if number - last_turn[name] > len(names)] == []
        for name in (name for name in names if name.startswith("well")):
            for _ in range(in_flight[name]):
                turns.answered(name, well=True, seconds=QUICK, now=T, chance=0.0)
            in_flight[name] = 0


def test_a_lane_that_comes_back_counts_what_is_still_in_flight() -> None:
    world = World({"a": Target(Pace(2))}, T)
    for _ in range(9):
        world.put("a", 0)
    world.hear()
    world.run()
    world.serve(set())
    world.serve({"a"})
    world.run()
    for _ in range(2):
        world.answer("a", well=True, seconds=QUICK, wait=None)
    world.run()
    assert len(world.targets["a"].in_flight) == 2


def test_an_endpoint_forgotten_while_it_stood_in_line_is_asked_for_once() -> None:
    turns, others = known("a"), [str(number) for number in range(20)]
    turns.keep(lambda _: False)
    turns.keep(lambda _: True)
    for names in (["a"], others):
        turns.wake(names, T)
        turns.seen(turns.unseen(), dict.fromkeys(names, DUE), T)
    for _ in range(claimed(turns, {"a": MANY}, free=420)["a"]):
        turns.answered("a", well=True, seconds=QUICK, now=T, chance=0.0)
    turns.keep(lambda endpoint_id: endpoint_id == "a")
    assert turns.allot(MANY, T) == {"a": PACE.concurrency}


def test_an_endpoint_is_forgotten_once_nothing_of_it_is_to_be_remembered() -> None:
    nothing = DUE._replace(due_at=None)
    turns = known("quiet", look=nothing)
    turns.wake(["busy"], T)
    turns.seen(turns.unseen(), {"busy": DUE}, T)
    claimed(turns, {"busy": 1})
    turns.seen(turns.unseen(), {"busy": nothing}, T)
    turns.forget_idle(T)
    turns.wake(["quiet", "busy"], T)
    assert list(turns.unseen()) == ["quiet"]
    assert turns.allot(MANY, T) == {"busy": 49}


def test_failures_in_a_row_are_remembered_over_quiet_times() -> None:
    turns, nothing = known("a"), {"a": DUE._replace(due_at=None)}
    breakers = []
    for now in (T + 100 * number for number in range(MOST_FAILURES)):
        turns.wake(["a"], now)
        turns.seen(turns.unseen(), {"a": DUE}, now)
        claimed(turns, {"a": 1}, now)
        turns.seen(turns.unseen(), nothing, now)
        breakers.append(turns.answered("a", well=False, seconds=QUICK, now=now, chance=0.0))
        turns.forget_idle(now)
    assert [None if each is None else each.state for each in breakers] == [None] * (MOST_FAILURES - 1) + [
        "open"
    ]


def test_timers_do_not_pile_up_behind_one_far_ahead() -> None:
    turns, now, cycles = known("a", look=DUE._replace(due_at=T + 86_400)), T, 1000
    for _ in range(cycles):
        turns.due("a", now + 5, now)
        now += 5
        claimed(turns, {"a": 1}, now=now)
        turns.seen(turns.unseen(), {"a": DUE._replace(due_at=T + 86_400)}, now)
        turns.answered("a", well=True, seconds=QUICK, now=now, chance=0.0)
    assert len(turns._timers) < cycles / 10

"""What one endpoint takes at once: never more than its concurrency, its rate and its breaker let through."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_dispatcher.gates import (
    BURST,
    CLOSED,
    JITTER,
    LONGEST,
    MOST_FAILURES,
    MOST_SECONDS,
    SHORTEST,
    Breaker,
    Gate,
    Pace,
    burst,
)

T = 1_795_435_200.0  # seconds since the epoch, as large as real ones
QUICK = 0.01
ROUNDING = 1e-3  # what adding a rate up in floating point may give too much, at the size of T


def answered(breaker: Breaker, *answers: tuple[bool, float], now: float = T, chance: float = 0.0) -> Breaker:
    for well, seconds in answers:
        breaker = breaker.answered(well, seconds, now, chance)
    return breaker


def failures(count: int, seconds: float = QUICK) -> Iterable[tuple[bool, float]]:
    return [(False, seconds)] * count


def opened(gate: Gate) -> Gate:
    """The gate, after as many quick failures as open its breaker."""
    for well, seconds in failures(MOST_FAILURES):
        gate.sent(1)
        gate.answered(well, seconds, T, 0.0)
    return gate


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ([], "closed"),
        (failures(MOST_FAILURES - 1), "closed"),
        (failures(MOST_FAILURES), "open"),
        ([*failures(MOST_FAILURES - 1), (True, QUICK), *failures(MOST_FAILURES - 1)], "closed"),
        ([(False, MOST_SECONDS)], "open"),
        ([(False, MOST_SECONDS / 2), (False, MOST_SECONDS / 2)], "open"),
        ([(False, MOST_SECONDS / 2), (True, 0.0), (False, MOST_SECONDS / 2)], "closed"),
        ([(True, MOST_SECONDS * 9)], "closed"),
    ],
)
def test_failures_in_a_row_or_their_time_open_a_breaker(
    answers: Iterable[tuple[bool, float]], state: str
) -> None:
    assert answered(CLOSED, *answers).state == state


@pytest.mark.parametrize(
    ("openings", "seconds"), [(0, 5), (1, 10), (2, 20), (3, 40), (4, 80), (5, 120), (999, 120)]
)
def test_each_opening_in_a_row_lasts_longer(openings: int, seconds: float) -> None:
    breaker = answered(Breaker("half_open", openings=openings), (False, QUICK))
    assert breaker == Breaker("open", T + seconds, openings + 1, failures=1, seconds=QUICK)


@given(st.integers(0, 50), st.floats(0, 1))
def test_chance_keeps_it_open_longer_never_shorter(openings: int, chance: float) -> None:
    breaker = answered(Breaker("half_open", openings=openings), (False, QUICK), now=0.0, chance=chance)
    wait = min(SHORTEST * 2 ** min(openings, 16), LONGEST)
    assert wait <= breaker.until <= wait * (1 + JITTER)


def test_its_time_over_it_is_half_open_and_an_answer_decides() -> None:
    opened_ = answered(CLOSED, *failures(MOST_FAILURES))
    assert opened_.at(opened_.until - 0.001) == opened_
    half_open = opened_.at(opened_.until)
    assert half_open.state == "half_open"
    assert answered(half_open, (True, QUICK)) == CLOSED
    again = answered(half_open, (False, QUICK), now=opened_.until)
    assert (again.state, again.until) == ("open", opened_.until + 2 * SHORTEST)


def test_late_answers_to_calls_from_before_it_opened_do_not_keep_it_open_longer() -> None:
    opened_ = answered(CLOSED, *failures(MOST_FAILURES))
    later = answered(opened_, *failures(20), now=T + 1)
    assert (later.state, later.until, later.openings) == ("open", opened_.until, 1)
    assert answered(later, (True, QUICK)) == CLOSED


def test_an_open_gate_lets_nothing_through_then_one_at_a_time() -> None:
    gate = opened(Gate(Pace(50)))
    until = gate.breaker.until
    assert (gate.room(T), gate.opens_at(T), gate.room(until - 0.001)) == (0, until, 0)
    assert gate.room(until) == 1
    gate.sent(1)
    assert (gate.room(until + 60), gate.opens_at(until + 60)) == (0, None)
    assert gate.answered(True, QUICK, until + 61, 0.0)
    assert gate.room(until + 61) == 50


def test_only_opening_and_closing_are_worth_telling() -> None:
    gate = Gate(Pace(50))
    gate.sent(MOST_FAILURES + 2)
    told = [gate.answered(False, QUICK, T, 0.0) for _ in range(MOST_FAILURES + 1)]
    assert told == [False] * (MOST_FAILURES - 1) + [True, False]
    assert gate.answered(True, QUICK, T, 0.0)
    assert not gate.answered(True, QUICK, T, 0.0)


def test_an_endpoints_own_number_of_failures_opens_its_breaker() -> None:
    gate = Gate(Pace(50, failures=2))
    gate.sent(2)
    assert [gate.answered(False, QUICK, T, 0.0) for _ in range(2)] == [False, True]


def test_a_lower_concurrency_holds_for_what_comes_next() -> None:
    gate = Gate(Pace(10))
    gate.sent(10)
    gate.pace = Pace(2)
    assert gate.room(T) == 0
    for _ in range(9):
        gate.answered(True, QUICK, T, 0.0)
    assert gate.room(T) == 1


@pytest.mark.parametrize(("rate", "most"), [(0.01, 1), (1, 1), (10, 1), (15, 1.5), (100, 10), (5000, 500)])
def test_a_tenth_of_a_second_of_a_rate_may_go_at_once_and_one_always(rate: float, most: float) -> None:
    assert burst(rate) == pytest.approx(most)


def test_a_rate_that_is_used_up_says_when_there_is_room_again() -> None:
    gate = Gate(Pace(50, rate=0.5), tokens=1.0, filled_at=T)
    assert gate.room(T) == 1
    gate.sent(1)
    assert (gate.room(T), gate.opens_at(T)) == (0, T + 2)
    assert (gate.room(T + 1.9), gate.room(T + 2)) == (0, 1)


def test_what_was_not_found_to_send_is_given_back() -> None:
    gate = Gate(Pace(50, rate=100), tokens=10.0, filled_at=T)
    gate.sent(10)
    gate.sent(-7)
    assert (gate.in_flight, gate.room(T)) == (3, 7)


def test_a_gate_is_idle_once_a_new_one_would_be_the_same() -> None:
    gate = Gate(Pace(2, rate=10), tokens=1.0, filled_at=T)
    assert gate.idle(T)
    gate.sent(1)
    assert not gate.idle(T + 60)
    gate.answered(True, QUICK, T + 60, 0.0)
    assert gate.idle(T + 61)
    gate.sent(1)
    gate.answered(False, QUICK, T + 61, 0.0)
    assert not gate.idle(T + 99)


# Seconds that pass, then what happens: so many are asked for of which so many are found, or one is answered.
ASKED = st.tuples(st.integers(0, 60), st.integers(0, 60))
ANSWERED = st.tuples(st.booleans(), st.floats(0, 20))
HAPPENS = st.lists(st.tuples(st.floats(0, 30), st.one_of(ASKED, ANSWERED)), max_size=80)
PACES = st.builds(Pace, st.integers(1, 50), st.none() | st.floats(0.05, 1000))


@given(PACES, HAPPENS)
def test_whatever_happens_a_gate_keeps_its_concurrency_rate_and_breaker(
    pace: Pace, happens: list[tuple[float, tuple[int, int] | tuple[bool, float]]]
) -> None:
    gate, now, sent = Gate(pace, tokens=1e9, filled_at=T), T, list[tuple[float, int]]()
    for passed, (first, second) in happens:
        now += passed
        if isinstance(first, bool):
            if gate.in_flight:
                gate.answered(first, second, now, 0.5)
        else:
            before = gate.breaker.at(now).state
            room = min(first, gate.room(now))
            gate.sent(room)
            found = min(room, int(second))
            gate.sent(found - room)
            assert not (before == "open" and found)
            assert not (before == "half_open" and found and gate.in_flight > 1)
            sent.append((now, found))
        assert 0 <= gate.in_flight <= pace.concurrency
    assert_rate_kept(pace.rate, sent)


def assert_rate_kept(rate: float | None, sent: list[tuple[float, int]]) -> None:
    """Over no window more went than the rate and its burst allow."""
    if rate is None:
        return
    for start, (begun, _) in enumerate(sent):
        together = 0
        for at, count in sent[start:]:
            together += count
            assert together <= rate * (at - begun) + max(1.0, rate * BURST) + ROUNDING


@given(PACES, HAPPENS)
def test_a_gate_that_is_shut_opens_by_an_answer_or_says_when(
    pace: Pace, happens: list[tuple[float, tuple[int, int] | tuple[bool, float]]]
) -> None:
    gate, now = Gate(pace, tokens=1e9, filled_at=T), T
    for passed, (first, second) in happens:
        now += passed
        if isinstance(first, bool) and gate.in_flight:
            gate.answered(first, second, now, 0.5)
        elif not isinstance(first, bool):
            gate.sent(min(first, gate.room(now)))
        while gate.room(now) == 0:
            opens_at = gate.opens_at(now)
            assert opens_at is not None or gate.in_flight
            if opens_at is None:
                break
            now = max(opens_at, now + 1e-6)

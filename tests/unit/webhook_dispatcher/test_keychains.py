"""Which of an endpoint's secrets sign: while one is replaced, and when schemes are chosen (DESIGN 5.2)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Problem
from webhook_dispatcher import signing
from webhook_dispatcher.keychains import MOST_OLD, Fresh, Keychain
from webhook_dispatcher.signing import SCHEMES

NOW = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)
HOUR = timedelta(hours=1)
NONE = timedelta(0)


def fresh_ones(first: int = 1) -> Iterator[Fresh]:
    for number in count(first):
        yield {
            "v1": signing.secret(number.to_bytes(24, "big")),
            "v1a": signing.private_key(number.to_bytes(32, "big")),
        }


FIRST, SECOND, THIRD = (next(each) for each in [fresh_ones()] for _ in range(3))
PLAIN = Keychain.read(FIRST["v1"])
BOTH = PLAIN.choosing({"v1", "v1a"}, FIRST, NOW, NONE)


def test_a_text_of_one_secret_signs_by_v1() -> None:
    assert (PLAIN.schemes, PLAIN.current("v1"), PLAIN.current("v1a")) == (("v1",), FIRST["v1"], None)
    assert PLAIN.signing(NOW) == [FIRST["v1"]]
    assert PLAIN.text == FIRST["v1"]


@pytest.mark.parametrize(
    ("later", "sign"),
    [
        (NONE, [SECOND["v1"], FIRST["v1"]]),
        (HOUR - timedelta(microseconds=1), [SECOND["v1"], FIRST["v1"]]),
        (HOUR, [SECOND["v1"]]),
        (timedelta(days=365), [SECOND["v1"]]),
    ],
)
def test_what_is_rotated_signs_until_the_overlap_is_over(later: timedelta, sign: list[str]) -> None:
    rotated = PLAIN.rotated("v1", SECOND, NOW, HOUR)
    assert rotated.current("v1") == SECOND["v1"]
    assert rotated.old("v1") == [(FIRST["v1"], NOW + HOUR)]
    assert rotated.signing(NOW + later) == sign


def test_without_an_overlap_all_old_ones_end_at_once() -> None:
    twice = PLAIN.rotated("v1", SECOND, NOW, 24 * HOUR).rotated("v1", THIRD, NOW, NONE)
    assert twice.signing(NOW) == [THIRD["v1"]]
    assert twice.text == THIRD["v1"]


def test_a_second_rotation_lengthens_nothing() -> None:
    twice = PLAIN.rotated("v1", SECOND, NOW, HOUR).rotated("v1", THIRD, NOW, 24 * HOUR)
    assert twice.old("v1") == [(SECOND["v1"], NOW + 24 * HOUR), (FIRST["v1"], NOW + HOUR)]


def test_each_scheme_is_rotated_by_itself_or_both_at_once() -> None:
    one = BOTH.rotated("v1a", SECOND, NOW, HOUR)
    assert (one.current("v1"), one.current("v1a")) == (FIRST["v1"], SECOND["v1a"])
    assert (one.old("v1"), one.old("v1a")) == ([], [(FIRST["v1a"], NOW + HOUR)])
    both = BOTH.rotated(None, SECOND, NOW, HOUR)
    assert (both.current("v1"), both.current("v1a")) == (SECOND["v1"], SECOND["v1a"])
    assert PLAIN.rotated(None, SECOND, NOW, HOUR).schemes == ("v1",)


def test_a_scheme_that_is_not_chosen_is_not_rotated() -> None:
    with pytest.raises(Problem, match="doesn't sign by v1a") as refused:
        PLAIN.rotated("v1a", SECOND, NOW, HOUR)
    assert (refused.value.status, refused.value.kind) == (409, "scheme-not-chosen")


def test_so_many_sign_at_once_and_no_more() -> None:
    chain, fresh = PLAIN, fresh_ones(2)
    for _ in range(MOST_OLD):
        chain = chain.rotated("v1", next(fresh), NOW, HOUR)
    with pytest.raises(Problem, match="overlap_seconds 0") as refused:
        chain.rotated(None, next(fresh), NOW, HOUR)
    assert (refused.value.status, refused.value.kind) == (409, "too-many-secrets")
    assert len(chain.rotated("v1", next(fresh), NOW, NONE).signing(NOW)) == 1
    assert len(chain.rotated("v1", next(fresh), NOW + HOUR, HOUR).signing(NOW + HOUR)) == 2


def test_another_scheme_begins_with_a_fresh_secret_and_the_one_left_out_ends_after_the_overlap() -> None:
    moved = PLAIN.choosing({"v1a"}, SECOND, NOW, HOUR)
    assert (moved.schemes, moved.current("v1a")) == (("v1a",), SECOND["v1a"])
    assert moved.signing(NOW) == [SECOND["v1a"], FIRST["v1"]]
    assert moved.signing(NOW + HOUR) == [SECOND["v1a"]]


def test_a_scheme_chosen_again_before_its_end_keeps_its_secret() -> None:
    moved = PLAIN.rotated("v1", SECOND, NOW, HOUR).choosing({"v1a"}, THIRD, NOW, 2 * HOUR)
    back = moved.choosing({"v1", "v1a"}, FIRST, NOW, HOUR)
    assert (back.current("v1"), back.current("v1a")) == (SECOND["v1"], THIRD["v1a"])
    assert back.old("v1") == [(FIRST["v1"], NOW + HOUR)]
    late = moved.choosing({"v1", "v1a"}, THIRD, NOW + 2 * HOUR, HOUR)
    assert (late.current("v1"), late.old("v1")) == (THIRD["v1"], [])


def test_the_same_choice_changes_nothing() -> None:
    assert BOTH.choosing({"v1", "v1a"}, SECOND, NOW, HOUR) == BOTH


def test_secrets_are_not_in_what_a_log_would_show() -> None:
    shown = repr(BOTH.rotated(None, SECOND, NOW, HOUR))
    assert "whsec_" not in shown
    assert "whsk_" not in shown


ROTATIONS = st.tuples(st.just("rotate"), st.sampled_from([None, *SCHEMES]))
CHOICES = st.tuples(st.just("choose"), st.sets(st.sampled_from(SCHEMES), min_size=1))
HOURS = st.integers(0, 4).map(lambda hours: hours * HOUR)


@given(st.lists(st.tuples(st.one_of(ROTATIONS, CHOICES), HOURS, HOURS), max_size=20))
def test_after_any_acts_each_scheme_has_one_current_secret_and_nothing_ends_early(acts: list) -> None:  # type: ignore[type-arg]
    chain, now, fresh = PLAIN, NOW, fresh_ones(2)
    for (act, what), passed, overlap in acts:
        now += passed
        before = chain
        try:
            if act == "rotate":
                chain = chain.rotated(what, next(fresh), now, overlap)
            else:
                chain = chain.choosing(what, next(fresh), now, overlap)
                assert set(chain.schemes) == what
        except Problem:
            continue
        assert Keychain.read(chain.text) == chain
        for scheme in SCHEMES:
            mine = [each for each in chain.secrets if each.scheme == scheme]
            assert sum(each.until is None for each in mine) == (scheme in chain.schemes)
            assert len(mine) <= MOST_OLD + 1
        for each in before.secrets:
            promised = now + overlap if each.until is None else min(each.until, now + overlap)
            if promised > now:
                assert each.written in chain.signing(promised - timedelta(microseconds=1))

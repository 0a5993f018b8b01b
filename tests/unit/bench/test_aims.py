"""What a bench makes of its figures."""

import pytest

from tests.bench.aims import REPORTED, Aim, Measure
from tests.bench.integration.population import is_chosen

AT_LEAST, AT_MOST, EXACTLY = Aim("at least", 0.5), Aim("at most", 1.2), Aim("exactly", 1, within=0.05)


@pytest.mark.parametrize(
    ("aim", "ratio", "holds"),
    [
        (AT_LEAST, 0.5, True),
        (AT_LEAST, 0.49, False),
        (AT_MOST, 1.2, True),
        (AT_MOST, 1.21, False),
        (EXACTLY, 0.96, True),
        (EXACTLY, 1.04, True),
        (EXACTLY, 1.06, False),
        (EXACTLY, 2.0, False),
    ],
)
def test_a_ratio_keeps_its_aim_or_misses_it(aim: Aim, ratio: float, holds: bool) -> None:
    assert aim.holds(ratio) == holds


def test_the_ratio_is_the_median_of_each_rounds_own_so_a_disturbed_round_counts_for_nothing() -> None:
    rounds = [(500.0, 1000.0), (60.0, 100.0), (510.0, 1000.0), (520.0, 100.0)]
    measure = Measure("ours", "theirs", "requests/s", rounds, AT_LEAST)
    assert measure.ratio == pytest.approx(0.555)
    assert (measure.ours, measure.others) == (505.0, 550.0)
    assert measure.holds


def test_a_missed_aim_is_named_in_a_sentence() -> None:
    measure = Measure("a page", "a small one", "ms", [(3.0, 2.0)], AT_MOST)
    assert measure.missed == "a page, against a small one: the ratio of ms is 1.50 and must be at most 1.2."


def test_what_is_only_reported_is_held_to_nothing_and_says_so() -> None:
    assert REPORTED.holds(0.001)
    assert REPORTED.holds(1000)
    assert str(REPORTED) == "reported"


@pytest.mark.parametrize(("chosen", "of"), [(40, 100), (40, 100_000), (5, 1000), (0, 20), (20, 20)])
def test_exactly_as_many_places_are_chosen_as_are_wanted(chosen: int, of: int) -> None:
    assert sum(is_chosen(place, chosen, of) for place in range(1, of + 1)) == chosen

"""What an answer means for a delivery, and how long it waits then (DESIGN 5.5 and 5.6)."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_dispatcher import schedule
from webhook_dispatcher.answers import Answer, judge

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WAITS = (5.0, 30.0)


@pytest.mark.parametrize(
    ("status", "failed_before", "outcome", "becomes", "failures", "wait"),
    [
        (200, 0, "delivered", "delivered", 0, 0),
        (204, 1, "delivered", "delivered", 1, 0),
        (299, 0, "delivered", "delivered", 0, 0),
        (410, 2, "gone", "waiting", 2, None),
        (400, 0, "refused", "refused", 1, 0),
        (413, 0, "refused", "refused", 1, 0),
        (422, 0, "refused", "refused", 1, 0),
        (199, 0, "failed", "waiting", 1, 5),
        (301, 0, "failed", "waiting", 1, 5),
        (308, 1, "failed", "waiting", 2, 30),
        (401, 0, "failed", "waiting", 1, 5),
        (404, 0, "failed", "waiting", 1, 5),
        (409, 1, "failed", "waiting", 2, 30),
        (500, 0, "failed", "waiting", 1, 5),
        (None, 1, "failed", "waiting", 2, 30),
        (503, 2, "exhausted", "exhausted", 3, 0),
        (None, 2, "exhausted", "exhausted", 3, 0),
    ],
)
def test_the_status_decides(
    status: int | None, failed_before: int, outcome: str, becomes: str, failures: int, wait: float | None
) -> None:
    verdict = judge(Answer(status), failed_before, WAITS, 0.0, NOW)
    assert (verdict.outcome, verdict.status) == (outcome, becomes)
    assert (verdict.failures, verdict.wait) == (failures, wait)


@pytest.mark.parametrize(
    ("status", "said", "wait"),
    [
        (429, "3", 3),
        (503, " 120 ", 120),
        (503, "0", 0),
        (429, "86401", 86_400),
        (503, "9" * 400, 86_400),
        (429, format_datetime(NOW + timedelta(minutes=7), usegmt=True), 420),
        (429, "Mon Nov 23 12:00:09 2026", 9),
        (429, "Monday, 23-Nov-26 12:00:09 GMT", 9),
        (503, format_datetime(NOW - timedelta(days=1), usegmt=True), 0),
        (503, format_datetime(NOW + timedelta(days=3), usegmt=True), 86_400),
        (429, "-3", 5),
        (429, "soon", 5),
        (429, "", 5),
        (500, "3", 5),
        (404, "3", 5),
    ],
)
def test_retry_after_replaces_the_wait_on_429_and_503(status: int, said: str, wait: float) -> None:
    assert judge(Answer(status, retry_after=said), 0, WAITS, 0.0, NOW).wait == wait


def test_retry_after_adds_no_attempt_after_the_last() -> None:
    assert judge(Answer(503, retry_after="3"), 2, WAITS, 0.0, NOW).outcome == "exhausted"


@given(st.integers(1, 10), st.floats(0, 1))
def test_chance_makes_a_wait_longer_never_shorter(failures: int, chance: float) -> None:
    wait = schedule.wait(schedule.DEFAULT, failures, chance)
    assert wait is not None
    assert schedule.DEFAULT[failures - 1] <= wait <= schedule.DEFAULT[failures - 1] * 1.1


def test_the_default_schedule_is_ten_waits_up_to_a_day() -> None:
    assert [schedule.wait(schedule.DEFAULT, failures, 0) for failures in range(1, 12)] == [
        5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, None,
    ]  # fmt: skip


@given(st.text())
def test_no_retry_after_breaks_it(said: str) -> None:
    wait = schedule.retry_after(said, NOW)
    assert wait is None or 0 <= wait <= schedule.LONGEST_WAIT

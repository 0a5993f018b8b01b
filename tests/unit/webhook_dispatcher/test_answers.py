"""What an answer means for a delivery, and how long it waits then: the whole table (DESIGN 5.5 and 5.6)."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_dispatcher import schedule
from webhook_dispatcher.answers import Answer, Verdict, judge

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WAITS = (5.0, 30.0)
A_DAY = 86_400

DELIVERED, GONE, REFUSED = (
    {*range(200, 300)},
    {410},
    {400, 413, 422},
)
EVERY_STATUS = {*range(100, 1000)}


@pytest.mark.parametrize(
    ("answer", "failed_before", "outcome", "becomes", "failures", "wait"),
    [
        # Taken, by whatever success, and though the answer's body broke off.
        (Answer(200), 0, "delivered", "delivered", 0, 0),
        (Answer(201, body=b"thank you"), 0, "delivered", "delivered", 0, 0),
        (Answer(202), 2, "delivered", "delivered", 2, 0),
        (Answer(204), 1, "delivered", "delivered", 1, 0),
        (Answer(299), 0, "delivered", "delivered", 0, 0),
        (Answer(200, error="the answer was not complete within 15 s"), 0, "delivered", "delivered", 0, 0),
        (Answer(200, retry_after="120"), 0, "delivered", "delivered", 0, 0),
        # The endpoint is gone: it waits, uncounted, even at what would have been the last attempt.
        (Answer(410), 0, "gone", "waiting", 0, 0),
        (Answer(410, retry_after="120"), 2, "gone", "waiting", 2, 0),
        # This body won't be taken.
        (Answer(400), 0, "refused", "refused", 1, 0),
        (Answer(413), 1, "refused", "refused", 2, 0),
        (Answer(422, retry_after="120"), 2, "refused", "refused", 3, 0),
        # Everything else is tried again: what is no success, a redirect that is never followed …
        (Answer(101), 0, "failed", "waiting", 1, 5),
        (Answer(199), 0, "failed", "waiting", 1, 5),
        (Answer(300), 0, "failed", "waiting", 1, 5),
        (Answer(301), 0, "failed", "waiting", 1, 5),
        (Answer(302), 1, "failed", "waiting", 2, 30),
        (Answer(304), 0, "failed", "waiting", 1, 5),
        (Answer(308), 1, "failed", "waiting", 2, 30),
        # … what the receiver's people will mend, or its server gets over …
        (Answer(401), 0, "failed", "waiting", 1, 5),
        (Answer(403), 0, "failed", "waiting", 1, 5),
        (Answer(404), 0, "failed", "waiting", 1, 5),
        (Answer(405), 0, "failed", "waiting", 1, 5),
        (Answer(408), 0, "failed", "waiting", 1, 5),
        (Answer(409), 1, "failed", "waiting", 2, 30),
        (Answer(415), 0, "failed", "waiting", 1, 5),
        (Answer(429), 0, "failed", "waiting", 1, 5),
        (Answer(451), 0, "failed", "waiting", 1, 5),
        (Answer(500), 0, "failed", "waiting", 1, 5),
        (Answer(503), 1, "failed", "waiting", 2, 30),
        (Answer(599), 0, "failed", "waiting", 1, 5),
        (Answer(999), 0, "failed", "waiting", 1, 5),
        # … and no answer at all: the network, the deadline, an address that is not allowed.
        (Answer(error="ConnectionRefusedError: refused"), 0, "failed", "waiting", 1, 5),
        (Answer(error="the answer was not complete within 15 s"), 1, "failed", "waiting", 2, 30),
        (Answer(error="nothing is sent to this URL: not a public address"), 0, "failed", "waiting", 1, 5),
        (Answer(500, error="the answer was not complete within 15 s"), 0, "failed", "waiting", 1, 5),
        # After the last attempt it is exhausted, whatever the answer asks for.
        (Answer(500), 2, "exhausted", "exhausted", 3, 0),
        (Answer(302), 2, "exhausted", "exhausted", 3, 0),
        (Answer(503, retry_after="3"), 2, "exhausted", "exhausted", 3, 0),
        (Answer(error="ConnectionResetError: reset"), 2, "exhausted", "exhausted", 3, 0),
        (Answer(500), 9, "exhausted", "exhausted", 10, 0),
        # On the last attempt of all, too, a success is one, and 410 leaves it waiting.
        (Answer(200), 9, "delivered", "delivered", 9, 0),
        (Answer(410), 9, "gone", "waiting", 9, 0),
    ],
)
def test_the_answer_decides(
    answer: Answer, failed_before: int, outcome: str, becomes: str, failures: int, wait: float
) -> None:
    verdict = judge(answer, failed_before, WAITS, 0.0, NOW)
    assert (verdict.outcome, verdict.status) == (outcome, becomes)
    assert (verdict.failures, verdict.wait) == (failures, wait)


def test_every_status_has_its_outcome() -> None:
    outcomes = {status: judge(Answer(status), 0, WAITS, 0.0, NOW).outcome for status in EVERY_STATUS}
    assert {status for status, outcome in outcomes.items() if outcome == "delivered"} == DELIVERED
    assert {status for status, outcome in outcomes.items() if outcome == "gone"} == GONE
    assert {status for status, outcome in outcomes.items() if outcome == "refused"} == REFUSED
    others = EVERY_STATUS - DELIVERED - GONE - REFUSED
    assert {status for status, outcome in outcomes.items() if outcome == "failed"} == others


def test_an_endpoint_works_that_takes_or_refuses_a_body() -> None:
    statuses = (200, 422, 500, 302, 410)
    assert [judge(Answer(status), 0, WAITS, 0.0, NOW).well for status in statuses] == [True, True] + [
        False
    ] * 3
    assert not judge(Answer(500), 2, WAITS, 0.0, NOW).well


def test_without_waits_the_first_attempt_is_the_last() -> None:
    assert judge(Answer(500), 0, (), 0.0, NOW) == Verdict("exhausted", "exhausted", 1)
    assert judge(Answer(200), 0, (), 0.0, NOW) == Verdict("delivered", "delivered", 0)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        # Seconds, up to a day of them.
        ("3", 3),
        (" 120 ", 120),
        ("0", 0),
        ("007", 7),
        ("86400", A_DAY),
        ("86401", A_DAY),
        ("9" * 400, A_DAY),
        # A date: of today's form, of RFC 850's, of asctime's, which names no zone.
        (format_datetime(NOW + timedelta(minutes=7), usegmt=True), 420),
        ("Mon, 23 Nov 2026 12:00:09 GMT", 9),
        ("Monday, 23-Nov-26 12:00:09 GMT", 9),
        ("Mon Nov 23 12:00:09 2026", 9),
        ("Tue Dec  1 12:00:00 2026", A_DAY),
        ("Tue, 24 Nov 2026 12:00:00 GMT", A_DAY),
        ("Tue, 24 Nov 2026 12:00:01 GMT", A_DAY),
        ("Fri, 31 Dec 9999 23:59:59 GMT", A_DAY),
        # A date that is past: now.
        (format_datetime(NOW, usegmt=True), 0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0),
        ("Sun Nov  6 08:49:37 1994", 0),
        ("Mon, 01 Jan 0001 00:00:00 GMT", 0),
    ],
)
def test_retry_after_replaces_the_wait_on_429_and_503_alone(said: str, wait: float) -> None:
    for status in (429, 503):
        verdict = judge(Answer(status, retry_after=said), 0, WAITS, 1.0, NOW)
        assert (verdict.wait, verdict.failures) == (wait, 1)
        broken_off = Answer(status, retry_after=said, error="the answer was not complete within 15 s")
        assert judge(broken_off, 1, WAITS, 1.0, NOW).wait == wait
    for status in EVERY_STATUS - DELIVERED - GONE - REFUSED - {429, 503}:
        assert judge(Answer(status, retry_after=said), 0, WAITS, 0.0, NOW).wait == WAITS[0]


@pytest.mark.parametrize(
    "said",
    [
        "",
        " ",
        "soon",
        "-3",
        "+3",
        "3.5",
        "3s",
        "3, 3",
        "1_000",
        "0x10",
        "1e3",
        "٣",
        "²",
        "1 hour",
        "tomorrow",
        "12:00:09",
        "2026-11-23T12:00:09Z",
        "Mon, 31 Feb 2026 12:00:09 GMT",
        "Mon, 23 Nov 2026 24:00:09 GMT",
        "Mon, 23 Nov 2026 12:00:09 +9999",
        "Mon, 23 Nov 99999 12:00:09 GMT",
        "Mon, 23 Nov",
        "\x00",
    ],
)
def test_a_retry_after_of_neither_form_is_ignored(said: str) -> None:
    assert judge(Answer(429, retry_after=said), 0, WAITS, 0.0, NOW).wait == WAITS[0]


@given(st.integers(1, 10), st.floats(0, 1))
def test_chance_makes_a_wait_longer_never_shorter(failures: int, chance: float) -> None:
    wait = schedule.wait(schedule.DEFAULT, failures, chance)
    assert wait is not None
    assert schedule.DEFAULT[failures - 1] <= wait <= schedule.DEFAULT[failures - 1] * 1.1


@given(st.floats(0, 1))
def test_chance_changes_nothing_of_what_a_retry_after_asks_for(chance: float) -> None:
    assert judge(Answer(503, retry_after="3600"), 0, WAITS, chance, NOW).wait == 3600


def test_the_default_schedule_is_ten_waits_up_to_a_day() -> None:
    assert [schedule.wait(schedule.DEFAULT, failures, 0) for failures in range(1, 12)] == [
        5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, None,
    ]  # fmt: skip


DATES = ("Mon, 23 Nov 2026 12:00:09 GMT", "Monday, 23-Nov-26 12:00:09 GMT", "Mon Nov 23 12:00:09 2026")


@st.composite
def almost_dates(draw: st.DrawFn) -> str:
    """A date of which some characters are others."""
    said = list(draw(st.sampled_from(DATES)))
    for _ in range(draw(st.integers(1, 4))):
        said[draw(st.integers(0, len(said) - 1))] = draw(st.sampled_from('0123456789:-+, .("\\GMTnov\x00é'))
    return "".join(said)


@given(st.text() | almost_dates())
def test_no_retry_after_breaks_it(said: str) -> None:
    wait = schedule.retry_after(said, NOW)
    assert wait is None or 0 <= wait <= schedule.LONGEST_WAIT

"""Where a delivery goes that is sent again, and how far a job has come: arithmetic, in tables."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from tests.builders import NOW, SHOP, THREEPL
from webhook_dispatcher.endpoints import endpoint_id
from webhook_dispatcher.resending import (
    STEP,
    advanced,
    cancelled,
    day_reached,
    destination,
    kept,
    last_day,
    share,
)
from webhook_dispatcher.retention import days_to_have, first_day
from webhook_dispatcher.store.finished import Ended, Finished
from webhook_dispatcher.store.resends import Resend
from webhook_dispatcher.webhooks import OpenUrl

NEW_URL = "https://3pl.example/new"
NEW = endpoint_id("link-1", NEW_URL)
FIRST, LAST = date(2026, 11, 20), date(2026, 11, 23)


def finished(status: Ended = "refused", settings_version: int = 2, number: int = 1) -> Finished:
    """A finished delivery of link-1 for the endpoint `ep_old`, or withdrawn."""
    endpoint = None if status == "withdrawn" else "ep_old"
    return Finished(
        FIRST, number, f"msg_{number}", "link-1", THREEPL, SHOP, endpoint, settings_version, status, NOW
    )


def job(**changes: object) -> Resend:
    """A job for the events of four days, 20 to 23 November, that has done nothing so far."""
    begun = Resend(
        threepl_id=THREEPL,
        clients=None,
        since=datetime(2026, 11, 20, 8, tzinfo=UTC),
        until=NOW,
        statuses=["refused"],
        link_id=None,
        endpoint_id=None,
        shop_id=None,
        order_id=None,
        id="rs_1",
        requested_by="somebody",
        state="running",
        after_day=FIRST,
        after_id=0,
        resent=0,
        created_at=NOW,
        finished_at=None,
    )
    return replace(begun, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "settings_version", "meant_for_open", "goes_to"),
    [
        ("refused", 2, OpenUrl(), "ep_old"),
        ("delivered", 2, OpenUrl(2, NEW_URL), "ep_old"),
        ("exhausted", 2, OpenUrl(3, NEW_URL), NEW),
        ("exhausted", 2, OpenUrl(3, None), None),
        ("withdrawn", 2, OpenUrl(2, None), None),
        ("withdrawn", 2, OpenUrl(2, NEW_URL), None),
        ("withdrawn", 2, OpenUrl(3, NEW_URL), NEW),
    ],
)
def test_where_a_delivery_goes_now(
    status: Ended, settings_version: int, meant_for_open: OpenUrl, goes_to: str | None
) -> None:
    assert destination(finished(status, settings_version), meant_for_open) == goes_to


@pytest.mark.parametrize(
    ("until", "day"),
    [
        (datetime(2026, 11, 23, 0, 0, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 23, 0, 0, 0, 1, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 23, 1, 0, tzinfo=timezone(timedelta(hours=2))), date(2026, 11, 22)),
    ],
)
def test_a_job_ends_with_the_day_of_the_last_event_before_its_end(until: datetime, day: date) -> None:
    assert last_day(job(until=until)) == day


@pytest.mark.parametrize(
    ("after_day", "done", "day"),
    [
        (FIRST, 0.0, FIRST),
        (FIRST + timedelta(days=1), 0.25, FIRST + timedelta(days=1)),
        (LAST, 0.75, LAST),
        (LAST + timedelta(days=1), 1.0, LAST),
        (LAST + timedelta(days=9), 1.0, LAST),
    ],
)
def test_how_much_of_its_days_a_job_has_done(after_day: date, done: float, day: date) -> None:
    assert (share(job(after_day=after_day)), day_reached(job(after_day=after_day))) == (done, day)


def test_a_job_stays_at_a_day_until_less_than_a_whole_step_is_found() -> None:
    whole = [finished(number=number) for number in range(11, 11 + STEP)]
    further = advanced(job(), whole, STEP - 1, NOW)
    next_day = advanced(further, whole[:3], 3, NOW)
    end = advanced(replace(next_day, after_day=LAST), [], 0, NOW)
    assert (further.after_day, further.after_id, further.resent) == (FIRST, 10 + STEP, STEP - 1)
    assert (next_day.after_day, next_day.after_id, next_day.resent) == (
        FIRST + timedelta(days=1),
        0,
        STEP + 2,
    )
    assert [(each.state, each.finished_at) for each in (further, next_day, end)] == [
        ("running", None),
        ("running", None),
        ("done", NOW),
    ]


def test_a_job_passes_over_days_that_the_log_keeps_no_more() -> None:
    begun = job(after_id=7)
    assert kept(begun, FIRST) == begun
    assert kept(begun, LAST) == job(after_day=LAST, after_id=0)
    assert advanced(kept(begun, LAST + timedelta(days=5)), [], 0, NOW).state == "done"


def test_what_has_ended_is_not_cancelled() -> None:
    done = job(state="done", finished_at=NOW - timedelta(hours=1))
    assert cancelled(done, NOW) == done
    assert cancelled(job(), NOW) == job(state="cancelled", finished_at=NOW)


def test_the_days_of_the_log_reach_from_the_retention_to_the_day_after_tomorrow() -> None:
    wanted = days_to_have(NOW, timedelta(days=30))
    assert (wanted[0], wanted[-1], len(wanted)) == (date(2026, 10, 24), date(2026, 11, 25), 33)
    assert first_day(NOW.astimezone(timezone(timedelta(hours=14))), timedelta(days=30)) == wanted[0]

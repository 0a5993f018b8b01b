"""What the endpoints of a bench make of the bytes that come."""

from datetime import UTC, datetime

import pytest

from tests.bench.webhook_dispatcher import targets
from tests.bench.webhook_dispatcher.events import template
from tests.bench.webhook_dispatcher.receiver import Heard, event_time, header, percentile, take

HEAD = b"POST /ok/7 HTTP/1.1\r\nHost: 127.0.0.1\r\nwebhook-id: msg_1\r\nContent-Length: 2"


def test_two_requests_that_come_together_are_told_apart() -> None:
    request = HEAD + b"\r\n\r\n{}"
    assert take(request + request) == (HEAD, b"{}", request)


@pytest.mark.parametrize("cut", [5, len(HEAD) + 2, len(HEAD) + 5])
def test_of_a_request_that_is_not_whole_nothing_is_taken(cut: int) -> None:
    assert take((HEAD + b"\r\n\r\n{}")[:cut]) is None


def test_a_header_is_found_in_the_middle_and_at_the_end_in_whatever_case() -> None:
    assert header(HEAD, b"webhook-id") == b"msg_1"
    assert header(HEAD, b"content-length") == b"2"


def test_the_latency_of_a_webhook_is_that_since_its_event_and_a_repeat_counts_for_nothing() -> None:
    heard = Heard()
    body = b'{"type":"order.created","timestamp":"2026-11-24T12:00:00.5Z","sequence":1}'
    at = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
    heard.hear(b"msg_1", body, at + 0.75)
    heard.hear(b"msg_1", body, at + 9)
    assert (heard.latencies, heard.last) == ([0.25], at + 0.75)


def test_a_webhook_tells_the_time_of_its_event() -> None:
    (target,) = targets.make("place", [8000], ["ok"])
    before = datetime.now(UTC).timestamp()
    assert before <= event_time(template(target).encode()) <= datetime.now(UTC).timestamp()


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([], 0.99, 0.0), ([7.0], 0.99, 7.0), ([float(n) for n in range(1000, 0, -1)], 0.99, 990.0)],
)
def test_a_percentile_is_the_least_value_that_the_share_does_not_exceed(
    values: list[float], share: float, found: float
) -> None:
    assert percentile(values, share) == found

"""When a failed delivery is tried again (DESIGN 5.5)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

DEFAULT = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0)
LONGEST_WAIT = 86_400.0
JITTER = 0.1


def wait(waits: Sequence[float], failures: int, chance: float) -> float | None:
    """Seconds to wait after so many failures (1 or more), or None after the last attempt.

    `chance` (0 to 1) makes it up to a tenth longer, never shorter.
    """
    if failures > len(waits):
        return None
    return waits[failures - 1] * (1 + JITTER * chance)


def retry_after(value: str, now: datetime) -> float | None:
    """The seconds that a Retry-After asks for, at most 24 h; None if it is neither form (RFC 9110, 10.2.3)"""
    said = value.strip()
    if said.isascii() and said.isdigit():
        return min(float(said[:10]), LONGEST_WAIT)
    try:
        date = parsedate_to_datetime(said)
    except (ValueError, OverflowError):
        return None
    # The old asctime form names no zone; every form is in UTC.
    until = date if date.tzinfo else date.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT)

"""What an endpoint's answer means for a delivery (DESIGN 5.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from webhook_dispatcher import schedule

Status = Literal["waiting", "delivered", "refused", "exhausted", "withdrawn"]
Outcome = Literal["delivered", "refused", "exhausted", "failed", "gone"]

GONE = 410
BODY_REFUSED = frozenset({400, 413, 422})
SAYS_WHEN = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt brought: a status with the beginning of its body, or what went wrong, or both."""

    status: int | None = None
    retry_after: str | None = None
    body: bytes = b""
    error: str | None = None

    @property
    def said(self) -> str:
        """The answer in a few words, for an event's reason."""
        return f"it answered {self.status}" if self.status is not None else f"it failed: {self.error}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the delivery: its status, its counted failures, and seconds until it is due."""

    outcome: Outcome
    status: Status
    failures: int
    wait: float = 0.0

    @property
    def well(self) -> bool:
        """Whether the endpoint works, whatever it says of this body."""
        return self.outcome in ("delivered", "refused")


def judge(answer: Answer, failures: int, waits: Sequence[float], chance: float, now: datetime) -> Verdict:
    """The verdict on a delivery that had failed so many times before this answer came at `now`."""
    match answer.status:
        case int(status) if 200 <= status < 300:
            return Verdict("delivered", "delivered", failures)
        case status if status == GONE:
            return Verdict("gone", "waiting", failures)
        case status if status in BODY_REFUSED:
            return Verdict("refused", "refused", failures + 1)
    wait = schedule.wait(waits, failures + 1, chance)
    if wait is None:
        return Verdict("exhausted", "exhausted", failures + 1)
    asked = _asked_for(answer, now)
    return Verdict("failed", "waiting", failures + 1, wait if asked is None else asked)


def _asked_for(answer: Answer, now: datetime) -> float | None:
    if answer.status not in SAYS_WHEN or answer.retry_after is None:
        return None
    return schedule.retry_after(answer.retry_after, now)

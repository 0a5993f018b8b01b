"""A delivery in flight: its claim, its attempt, and how it was settled."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from webhook_dispatcher.answers import Answer, Status, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A delivery in flight, with what its attempt needs, and its endpoint as it was when it was claimed.

    `retry_schedule` (seconds) is the endpoint's own, or None.
    """

    id: int
    lease: uuid.UUID
    webhook_id: str
    link_id: str
    threepl_id: str
    shop_id: str
    order_id: str | None
    sequence: int
    type: str
    failures: int
    body: bytes
    endpoint_id: str
    url: str
    secret: bytes
    enablings: int
    failing_since: datetime | None
    warned_at: datetime | None
    retry_schedule: Sequence[float] | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST and its answer."""

    started_at: datetime
    duration_ms: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claim."""

    claim: Claim
    verdict: Verdict
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Settled:
    """A delivery as its settling left it; `attempts` is also its last attempt's number.

    `followed`: it ended, and another delivery of its order may have waited for that. `endpoint_id` is where
    it goes next, if it was moved while it was in flight.
    """

    id: int
    status: Status
    attempts: int
    link_id: str
    shop_id: str
    order_id: str | None
    followed: bool
    endpoint_id: str | None

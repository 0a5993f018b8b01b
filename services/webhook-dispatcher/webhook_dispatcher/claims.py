"""A delivery in flight: its claim, its attempt, and how it was settled."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from webhook_dispatcher.answers import Answer, Status, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A delivery in flight, with what its attempt needs; without an endpoint there is nowhere to send it."""

    id: int
    lease: uuid.UUID
    webhook_id: str
    link_id: str
    threepl_id: str
    shop_id: str
    order_id: str
    sequence: int
    type: str
    failures: int
    body: bytes
    endpoint_id: str | None
    url: str | None
    secret: bytes | None
    disabled: bool
    enablings: int | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST and its answer."""

    started_at: datetime
    duration_ms: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claim; without an attempt, only its status and when it is due."""

    claim: Claim
    verdict: Verdict
    attempt: Attempt | None


@dataclass(frozen=True, slots=True)
class Settled:
    """A delivery as its settling left it; `attempts` is also its last attempt's number."""

    id: int
    status: Status
    attempts: int
    link_id: str
    shop_id: str
    order_id: str

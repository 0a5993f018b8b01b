"""How an endpoint fares: its attempts of the last hour in figures, and what waits for it now."""

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field

from shared.problems import EVERYWHERE
from webhook_dispatcher.answers import Answer, Outcome
from webhook_dispatcher.api.endpoints import FOUND, Endpoint, theirs
from webhook_dispatcher.api.parts import GivenCaller, GivenParts
from webhook_dispatcher.gates import State
from webhook_dispatcher.store import health as health_store
from webhook_dispatcher.store.health import Attempts, Last

router = APIRouter(prefix="/endpoints/{endpoint_id}", tags=["endpoints"], responses=EVERYWHERE)

PERIOD = timedelta(hours=1)


class Failure(BaseModel):
    """When an attempt failed, and how."""

    at: AwareDatetime
    reason: str = Field(examples=["it answered 503"])


class Count(BaseModel):
    """So many; with `more`, at least so many."""

    count: int
    more: bool


class OldestWaiting(BaseModel):
    """The time of the event that has waited longest, and since when its delivery waits."""

    event_time: AwareDatetime
    since: AwareDatetime


class Health(BaseModel):
    """How an endpoint fares.

    The figures are of the attempts from `since` on: those of the last hour, at most its latest 10,000.
    `failed` are all that were not delivered, `outcomes` has them one by one. Half of the attempts took
    `p50_ms` milliseconds or less. `due` deliveries would go now, if the endpoint's pace and breaker let them.
    """

    enabled: bool
    failing_since: AwareDatetime | None
    breaker: State
    breaker_until: AwareDatetime | None
    since: AwareDatetime
    attempts: int
    delivered: int
    failed: int
    outcomes: dict[Outcome, int]
    attempts_per_minute: float
    success_rate: float | None = Field(ge=0, le=1)
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    last_success: AwareDatetime | None
    last_failure: Failure | None
    waiting: Count
    due: int
    in_flight: int
    oldest_waiting: OldestWaiting | None


@router.get("/health", summary="Read how an endpoint fares", responses=FOUND)
async def read_health(endpoint_id: str, caller: GivenCaller, parts: GivenParts) -> Health:
    """Waiting deliveries are counted up to 10,000, then `more` is true."""
    now = datetime.now(UTC)
    async with parts.database.transaction() as connection:
        endpoint = await theirs(connection, caller, endpoint_id)
        made = await health_store.attempts(connection, endpoint_id, now - PERIOD)
        success = await health_store.last_success(connection, endpoint_id)
        failure = await health_store.last_failure(connection, endpoint_id)
        waiting = await health_store.waiting(connection, endpoint_id, endpoint.link_id)
        oldest = await health_store.oldest(connection, endpoint_id, endpoint.threepl_id or "")
    return Health(
        **_state(endpoint),
        **_figures(made, now),
        last_success=None if success is None else success.at,
        last_failure=None if failure is None else Failure(at=failure.at, reason=_reason(failure)),
        waiting=Count(count=waiting.count, more=waiting.more),
        due=waiting.due if endpoint.enabled else 0,
        in_flight=waiting.in_flight,
        oldest_waiting=None if oldest is None else OldestWaiting.model_validate(oldest, from_attributes=True),
    )


def _state(endpoint: Endpoint) -> dict[str, object]:
    return endpoint.model_dump(include={"enabled", "failing_since", "breaker", "breaker_until"})


def _figures(made: Attempts, now: datetime) -> dict[str, object]:
    delivered = made.outcomes.get("delivered", 0)
    minutes = max((now - made.since).total_seconds(), 1) / 60
    p50, p95, p99 = made.percentiles
    return {
        "since": made.since,
        "attempts": made.attempts,
        "delivered": delivered,
        "failed": made.attempts - delivered,
        "outcomes": made.outcomes,
        "attempts_per_minute": round(made.attempts / minutes, 2),
        "success_rate": delivered / made.attempts if made.attempts else None,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
    }


def _reason(failure: Last) -> str:
    return Answer(status=failure.status, error=failure.error).said

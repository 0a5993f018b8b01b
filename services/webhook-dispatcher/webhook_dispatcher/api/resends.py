"""Resends: one delivery, or in a job all that ended so since a time."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import pages
from shared.contracts.callers import Caller
from shared.errors import Problem, forbidden, not_found
from shared.problems import EVERYWHERE, problems
from webhook_dispatcher import resending
from webhook_dispatcher.api import may_look
from webhook_dispatcher.api.deliveries import Delivery
from webhook_dispatcher.api.filters import Id, Moment
from webhook_dispatcher.api.parts import GivenCaller, GivenParts
from webhook_dispatcher.retention import first_day
from webhook_dispatcher.store import finished as finished_store
from webhook_dispatcher.store import resends as resend_store
from webhook_dispatcher.store import views
from webhook_dispatcher.store.finished import Ended, Finished, Wanted
from webhook_dispatcher.store.resends import State

router = APIRouter(tags=["resends"], responses=EVERYWHERE)

MOST_RUNNING = 5  # jobs a 3PL
# Events' own times may be ahead of our clock.
AHEAD = timedelta(days=1)

ONE = problems(not_found=404, delivery_waiting=409, delivery_withdrawn=409, delivery_too_old=409)
FOUND = problems(not_found=404)
STARTS = problems(not_found=404, too_many_resends=409)
CANCELS = problems(not_found=404, resend_done=409)
Limit = Annotated[int, Query(ge=1, le=200, description="Jobs a page.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")]


class NewResend(BaseModel):
    """What a job is to resend: deliveries of orders' events in [since, until), by the events' own times.

    Without `until`: up to now. What still waits goes out anyway, and is left as it is.
    """

    model_config = ConfigDict(extra="forbid")

    since: Moment
    until: Moment | None = None
    statuses: set[Ended] = Field(default={"refused", "exhausted"}, min_length=1)
    link_id: Id | None = None
    endpoint_id: Id | None = None
    shop_id: Id | None = None
    order_id: Id | None = None


class Resend(BaseModel):
    """A job. `resent` counts what it put into the queue; `share` of its days are done, and it is at `day`.

    `clients`: the only shops of which it resends, because whoever started it sees no others.
    """

    id: str
    threepl_id: str
    requested_by: str
    clients: list[str] | None
    since: AwareDatetime
    until: AwareDatetime
    statuses: list[Ended]
    link_id: str | None
    endpoint_id: str | None
    shop_id: str | None
    order_id: str | None
    state: State
    resent: int
    share: float = Field(ge=0, le=1)
    day: date
    created_at: AwareDatetime
    finished_at: AwareDatetime | None


class ResendPage(BaseModel):
    """Jobs, the newest first; without `next_cursor` it is the last page."""

    resends: list[Resend]
    next_cursor: str | None


@router.post(
    "/deliveries/{delivery_id}/resend",
    status_code=202,
    summary="Send a finished delivery again (3PL)",
    responses=ONE,
)
async def resend_delivery(delivery_id: str, caller: GivenCaller, parts: GivenParts) -> Delivery:
    """It is due now, under the same `webhook-id`; nothing waits for it.

    Without a `next_attempt_at` its endpoint is disabled: it goes out once that is enabled.
    """
    async with parts.database.transaction() as connection:
        await _visible(connection, caller, delivery_id)
        _require_resender(caller)
        delivery = await finished_store.one(connection, delivery_id)
        if delivery is None:
            raise _waiting()
        if delivery.day < first_day(datetime.now(UTC), parts.retention):
            raise _too_old(parts.retention)
        await _resend(connection, delivery)
        return await _visible(connection, caller, delivery_id)


@router.post("/resends", status_code=202, summary="Resend all since a time (3PL)", responses=STARTS)
async def start_resend(new: NewResend, caller: GivenCaller, parts: GivenParts) -> Resend:
    """Starts a job, which goes on by itself, over any restart. At most 5 of a 3PL run at once."""
    may_look(caller, "page")
    _require_resender(caller)
    now = datetime.now(UTC)
    wanted = _wanted(new, caller, now, parts.retention)
    async with parts.database.transaction() as connection:
        if await resend_store.running(connection, caller.account) >= MOST_RUNNING:
            raise Problem(
                409,
                "too-many-resends",
                f"{MOST_RUNNING} jobs run already: wait until one is done, or cancel one.",
            )
        job = await resend_store.start(
            connection, f"rs_{uuid.uuid4().hex}", wanted, wanted.since.date(), caller.subject
        )
    resending.log_job("resend.started", job)
    parts.nudge()
    return _shown(job)


@router.get("/resends", summary="List the jobs that one sees", responses=FOUND)
async def list_resends(
    caller: GivenCaller, parts: GivenParts, limit: Limit = 50, cursor: Cursor = None
) -> ResendPage:
    """A 3PL sees its own, an operator all."""
    may_look(caller, "page")
    async with parts.database.transaction() as connection:
        found = await resend_store.page(connection, caller, pages.read(cursor), limit + 1)
    jobs, next_cursor = pages.cut(found, limit, lambda job: pages.write(job.created_at, job.id))
    return ResendPage(resends=[_shown(job) for job in jobs], next_cursor=next_cursor)


@router.get("/resends/{resend_id}", summary="Read a job", responses=FOUND)
async def read_resend(resend_id: str, caller: GivenCaller, parts: GivenParts) -> Resend:
    may_look(caller, "resend")
    async with parts.database.transaction() as connection:
        job = await resend_store.read(connection, caller, resend_id)
    if job is None:
        raise not_found("resend")
    return _shown(job)


@router.post("/resends/{resend_id}/cancel", summary="Cancel a job (3PL)", responses=CANCELS)
async def cancel_resend(resend_id: str, caller: GivenCaller, parts: GivenParts) -> Resend:
    """What it has put into the queue goes out, the rest stays as it is; a cancelled one stays cancelled."""
    may_look(caller, "resend")
    async with parts.database.transaction() as connection:
        job = await resend_store.hold(connection, caller, resend_id)
        if job is None:
            raise not_found("resend")
        _require_resender(caller)
        if job.state == "done":
            raise Problem(409, "resend-done", "This job has resent everything already.")
        cancelled = resending.cancelled(job, datetime.now(UTC))
        await resend_store.save(connection, cancelled)
    if cancelled != job:
        resending.log_job("resend.cancelled", cancelled)
    return _shown(cancelled)


def _require_resender(caller: Caller) -> None:
    """Raises the 403 problem for operators, who may only read, and for callers without such a role."""
    if caller.kind == "operator":
        raise forbidden(
            "Operators may read deliveries and resends, but to resend is for the 3PL that owns them."
        )
    caller.require("write", "administrator", "manager", "support")


async def _visible(connection: AsyncConnection, caller: Caller, delivery_id: str) -> Delivery:
    """The delivery, if it is the caller's to see; raises the 404 problem otherwise."""
    may_look(caller, "delivery")
    row = await views.delivery(connection, caller, delivery_id)
    if row is None:
        raise not_found("delivery")
    return Delivery.model_validate(row)


async def _resend(connection: AsyncConnection, delivery: Finished) -> None:
    resent = await resending.resend(connection, [delivery])
    if resent.nowhere:
        detail = "Its link was told to send open orders nowhere, and no URL was named for them since."
        raise Problem(409, "delivery-withdrawn", detail)
    if not resent.queued:
        raise _waiting()


def _waiting() -> Problem:
    return Problem(409, "delivery-waiting", "It still waits, and goes out by itself.")


def _too_old(retention: timedelta) -> Problem:
    detail = f"Its event is older than the {retention.days} days that the log goes back, and may go any hour."
    return Problem(409, "delivery-too-old", detail)


def _wanted(new: NewResend, caller: Caller, now: datetime, retention: timedelta) -> Wanted:
    """What a job is to do; raises the 422 problem for times that no delivery can have."""
    until = new.until or now
    if new.since < now - retention:
        raise _invalid("since", f"the log goes back {retention.days} days")
    if until > now + AHEAD:
        raise _invalid("until", "there are no events so far ahead; leave it out for: until now")
    if new.since >= until:
        raise _invalid("since", "must be before `until`, or before now")
    return Wanted(
        threepl_id=caller.account,
        clients=None if caller.clients is None else sorted(caller.clients),
        since=new.since,
        until=until,
        statuses=sorted(new.statuses),
        link_id=new.link_id,
        endpoint_id=new.endpoint_id,
        shop_id=new.shop_id,
        order_id=new.order_id,
    )


def _invalid(field: str, detail: str) -> Problem:
    errors = [{"field": field, "detail": detail}]
    return Problem(422, "invalid-request", f"{field}: {detail}", errors=errors)


def _shown(job: resend_store.Resend) -> Resend:
    return Resend(
        **{name: getattr(job, name) for name in Resend.model_fields if name not in ("share", "day")},
        share=resending.share(job),
        day=resending.day_reached(job),
    )

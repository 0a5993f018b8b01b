"""Finished deliveries are sent again (DESIGN 5.10): one, or many in a job that goes on after any crash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.loops import Loop
from shared.pages import Place
from shared.telemetry import Metrics
from webhook_dispatcher.endpoints import endpoint_id
from webhook_dispatcher.retention import first_day
from webhook_dispatcher.store import endpoints as endpoint_store
from webhook_dispatcher.store import finished as finished_store
from webhook_dispatcher.store import links as link_store
from webhook_dispatcher.store import resends as resend_store
from webhook_dispatcher.store import wakes
from webhook_dispatcher.store.finished import Finished
from webhook_dispatcher.store.resends import Resend
from webhook_dispatcher.webhooks import OpenUrl

log = structlog.get_logger()

STEP = 500  # deliveries a transaction
IDLE = 5.0
BEGINNING = Place(datetime(1, 1, 1, tzinfo=UTC), "")


def destination(delivery: Finished, meant_for_open: OpenUrl) -> str | None:
    """The endpoint that a delivery goes to if it is sent again now, or None: there is none (DESIGN 5.3)."""
    if delivery.settings_version < meant_for_open.version:
        url = meant_for_open.url
        return None if url is None else endpoint_id(delivery.link_id, url)
    return None if delivery.status == "withdrawn" else delivery.endpoint_id


def last_day(job: Resend) -> date:
    """The day (UTC) of the latest event that a job may resend."""
    return (job.until.astimezone(UTC) - timedelta(microseconds=1)).date()


def day_reached(job: Resend) -> date:
    """The day at which a job is, or ended."""
    return min(job.after_day, last_day(job))


def share(job: Resend) -> float:
    """Which part of its days a job is done with, 0 to 1."""
    first = job.since.astimezone(UTC).date()
    return min((job.after_day - first) / (last_day(job) + timedelta(days=1) - first), 1.0)


def kept(job: Resend, first: date) -> Resend:
    """The job at a day that the log keeps."""
    return job if job.after_day >= first else replace(job, after_day=first, after_id=0)


def advanced(job: Resend, found: Sequence[Finished], resent: int, now: datetime) -> Resend:
    """The job past what it has found, at most `STEP`; fewer mean that its day is over."""
    job = replace(job, resent=job.resent + resent)
    if len(found) == STEP:
        return replace(job, after_id=found[-1].id)
    if job.after_day >= last_day(job):
        job = replace(job, state="done", finished_at=now)
    return replace(job, after_day=job.after_day + timedelta(days=1), after_id=0)


def cancelled(job: Resend, now: datetime) -> Resend:
    """The job, ended where it is, unless it has ended."""
    return job if job.state != "running" else replace(job, state="cancelled", finished_at=now)


@dataclass(frozen=True, slots=True)
class Resent:
    """What came of deliveries that were to be sent again: how many are in the queue, and how many go nowhere.

    Any others were resent by somebody else at the same moment.
    """

    queued: int
    nowhere: int


async def resend(connection: AsyncConnection, found: Sequence[Finished]) -> Resent:
    """Puts finished deliveries of one day back into the queue, where nothing waits for them."""
    if not found:
        return Resent(0, 0)
    parties = {each.link_id: (each.shop_id, each.threepl_id) for each in found}
    links = await link_store.share(connection, parties)
    going = _going({each: destination(each, links[each.link_id].open_url) for each in found})
    endpoints = await endpoint_store.claim(connection, set(going.values()))
    disabled = {each.id for each in endpoints.values() if each.disabled}
    queued = await finished_store.resend(connection, found[0].day, going, disabled)
    await wakes.wake(connection, set(queued))
    return Resent(len(queued), len(found) - len(going))


def _going(destinations: Mapping[Finished, str | None]) -> dict[Finished, str]:
    return {each: endpoint for each, endpoint in destinations.items() if endpoint is not None}


class Resending:
    """Does the jobs' work, one step of one job at a time; any number of processes may.

    How far a job has come is committed with what it resent on the way. It never goes back, and what has ended
    again has kept its day and id: it lies behind.
    """

    def __init__(self, database: Database, retention: timedelta, metrics: Metrics) -> None:
        self.loop = Loop("resending", self.step, metrics, idle=IDLE)
        self._database = database
        self._retention = retention
        self._last = BEGINNING
        self._resent = metrics.counter("deliveries_resent", "Deliveries that jobs put into the queue again")

    async def step(self) -> bool:
        """At most `STEP` deliveries of one day; answers whether there may be more."""
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            job = await resend_store.claim(connection, self._last)
            if job is None:
                return False
            # Should it fail, the others have their turns before it is tried again.
            self._last = Place(job.created_at, job.id)
            job = kept(job, first_day(now, self._retention))
            found = await finished_store.some(
                connection, job, job.after_day, after_id=job.after_id, most=STEP
            )
            resent = await resend(connection, found)
            job = advanced(job, found, resent.queued, now)
            await resend_store.save(connection, job)
        self._resent.inc(resent.queued)
        if job.state == "done":
            log_job("resend.done", job)
        return True


def log_job(event: str, job: Resend) -> None:
    """One wide line of a job."""
    log.info(
        event,
        resend_id=job.id,
        threepl_id=job.threepl_id,
        by=job.requested_by,
        since=job.since.isoformat(),
        until=job.until.isoformat(),
        statuses=job.statuses,
        link_id=job.link_id,
        endpoint_id=job.endpoint_id,
        shop_id=job.shop_id,
        order_id=job.order_id,
        resent=job.resent,
    )

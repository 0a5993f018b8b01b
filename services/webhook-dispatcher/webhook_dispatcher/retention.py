"""How far the log goes back: days are made ahead, and dropped when they are old and nothing of them waits."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.loops import Loop
from shared.telemetry import Metrics
from webhook_dispatcher.store import days as day_store
from webhook_dispatcher.store.days import DayTable

log = structlog.get_logger()

HOURLY = 3600.0
DAYS_AHEAD = 2
# What began under an earlier hour's view of which days are kept is long over when a day is dropped.
GRACE = timedelta(hours=1)
LOCK_NOT_AVAILABLE = "55P03"


def first_day(now: datetime, retention: timedelta) -> date:
    """The oldest day (UTC) that has events younger than the retention: the first that can be resent."""
    return (now - retention).astimezone(UTC).date()


def days_to_have(now: datetime, retention: timedelta) -> list[date]:
    """The days whose events may come now or soon."""
    first, last = first_day(now, retention), now.astimezone(UTC).date() + timedelta(days=DAYS_AHEAD)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def missing(tables: Iterable[DayTable], wanted: Iterable[date]) -> list[DayTable]:
    """The tables of the wanted days that are no part of their log."""
    there = {(each.log, each.day) for each in tables if each.state != "detached"}
    return [
        DayTable(name, day, "detached")
        for day in wanted
        for name in day_store.LOGS
        if (name, day) not in there
    ]


class Retention:
    """Run `make` before anything is logged, and `loop`; any number of processes may."""

    def __init__(self, database: Database, retention: timedelta, metrics: Metrics) -> None:
        self.loop = Loop("retention", self.step, metrics, idle=HOURLY)
        self._database = database
        self._retention = retention
        self._goes_back = metrics.gauge("log_days", "Days that the log of deliveries goes back")

    async def make(self) -> None:
        """Makes the days that are not there yet."""
        wanted = days_to_have(datetime.now(UTC), self._retention)
        async with self._database.transaction() as connection:
            if missing(await day_store.tables(connection), wanted):
                await day_store.lock(connection)
                await day_store.make(connection, missing(await day_store.tables(connection), wanted))

    async def step(self) -> bool:
        """Makes new days, drops old ones; always answers that there is no more."""
        await self.make()
        async with self._database.statement() as connection, day_store.alone(connection) as alone:
            if alone:
                await self._drop_old(connection)
        await self.make()  # what was half dropped before, too
        await self._observe()
        return False

    async def _drop_old(self, connection: AsyncConnection) -> None:
        try:
            await self._drop(connection)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            # Somebody has been reading the log for long: the next hour does for this.
            log.warning("log.days-in-use", patience=day_store.PATIENCE)

    async def _drop(self, connection: AsyncConnection) -> None:
        before = first_day(datetime.now(UTC) - GRACE, self._retention)
        await day_store.finish_leaving(connection)
        old = [each for each in await day_store.tables(connection) if each.day < before]
        waiting = await day_store.unfinished(connection, before) if old else set()
        for table in (each for each in old if each.day not in waiting):
            await day_store.drop(connection, table)
            log.info("log.day-dropped", log=table.log, day=table.day.isoformat())

    async def _observe(self) -> None:
        async with self._database.transaction() as connection:
            tables = await day_store.tables(connection)
        oldest = min(each.day for each in tables if each.state == "attached")
        self._goes_back.set((datetime.now(UTC).date() - oldest).days)

"""The log's days come and go: nobody waits for that, and nothing that waits loses its day."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from shared.database import INDEXES_ONLY, Database, asyncpg_url
from shared.telemetry import Metrics
from tests.component.webhook_dispatcher.logged import day_ago, log, make_endpoints, noon, rows
from tests.conftest import MakeDatabase
from tests.harness import until
from webhook_dispatcher.retention import Retention

OLD = 40
KEPT = timedelta(days=30)
WAITING = """
    INSERT INTO deliveries (day, webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence,
                            type, event_time, settings_version, body, behind)
    VALUES (:day, :id, 'ep', 'link-1', 'T', 'S', '1', 1, 'order.created', :time, 1, 'body', false)
"""
SETTLE = """
    WITH ended AS (DELETE FROM deliveries WHERE webhook_id = :id RETURNING *)
    INSERT INTO finished (day, id, webhook_id, link_id, threepl_id, shop_id, sequence, type, event_time,
                          settings_version, body, status, attempts, failures, created_at)
    SELECT day, id, webhook_id, link_id, threepl_id, shop_id, sequence, type, event_time, settings_version,
           body, 'delivered', 1, 0, created_at FROM ended
"""
DETACHING = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%DETACH%' AND wait_event_type = 'Lock'
      AND pid <> pg_backend_pid()
"""


def impatient(database_url: str, timeout: str) -> Database:
    """Whoever waits for a lock for longer fails here."""
    return Database(database_url, planner={**INDEXES_ONLY, "lock_timeout": timeout})


@pytest.fixture
async def database_url(make_database: MakeDatabase) -> str:
    return asyncpg_url(make_database("webhook_dispatcher"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, planner=INDEXES_ONLY)
    await make_endpoints(database)
    # The migration makes a day more, which goes or stays a while by the hour of the day.
    await drop_day(database, day_ago(31))
    yield database
    await database.close()


async def make_day(database: Database, day: date) -> None:
    """A day of the log as it was made when it was young."""
    for name in ("finished", "attempts"):
        await rows(
            database,
            f"CREATE TABLE {name}_{day:%Y%m%d} PARTITION OF {name}"
            f" FOR VALUES FROM ('{day}') TO ('{day + timedelta(days=1)}')",
        )


async def drop_day(database: Database, day: date) -> None:
    await rows(database, f"DROP TABLE finished_{day:%Y%m%d}, attempts_{day:%Y%m%d}")


async def days(database: Database, log_name: str = "finished") -> list[date]:
    """The days that are part of a log."""
    found = await rows(
        database,
        """
        SELECT to_date(right(relname, 8), 'YYYYMMDD') AS day FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE inhparent = CAST(:log AS regclass) AND relkind = 'r' AND NOT inhdetachpending ORDER BY day
        """,
        log=log_name,
    )
    return [row.day for row in found]


async def tables_of(database: Database, day: date) -> list[str]:
    """The tables of a day, be they part of a log or not."""
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE :name ORDER BY relname"
    return [row.relname for row in await rows(database, query, name=f"%\\_{day:%Y%m%d}")]


def from_to(first: int, last: int) -> list[date]:
    """The days from so many days ago until so many days ago, oldest first."""
    return [day_ago(number) for number in range(first, last - 1, -1)]


async def test_it_keeps_the_days_of_the_retention_and_two_days_to_come(database: Database) -> None:
    await make_day(database, day_ago(OLD))
    await log(database, day_ago(OLD))
    await drop_day(database, day_ago(-1))
    metrics = Metrics("test")
    await Retention(database, KEPT, metrics).step()
    kept = [await days(database), await days(database, "attempts")]
    young = await log(database, day_ago(-1))
    assert kept == [from_to(30, -2)] * 2
    assert (await tables_of(database, day_ago(OLD)), len(young)) == ([], 1)
    assert b"orderdock_log_days 30.0" in metrics.text()


async def test_a_longer_retention_makes_the_days_before_too_and_tables_are_like_their_neighbours(
    database: Database,
) -> None:
    await Retention(database, timedelta(days=45), Metrics("test")).make()
    indexes = await rows(
        database,
        """
        SELECT count(*) AS indexes,
               (SELECT attstorage FROM pg_attribute WHERE attrelid = indrelid AND attname = 'body') AS body
        FROM pg_index WHERE indrelid IN (CAST(:made AS regclass), CAST(:migrated AS regclass))
        GROUP BY indrelid
        """,
        made=f"finished_{day_ago(OLD):%Y%m%d}",
        migrated=f"finished_{day_ago(1):%Y%m%d}",
    )
    assert await days(database) == from_to(45, -2)
    assert len(indexes) == 2
    assert len({tuple(row) for row in indexes}) == 1


async def test_a_day_of_which_something_waits_is_kept_whole_until_it_has_ended(database: Database) -> None:
    day = day_ago(OLD)
    await make_day(database, day)
    await log(database, day)
    await rows(database, WAITING, day=day, id="waits", time=noon(day))
    retention = Retention(database, KEPT, Metrics("test"))
    await retention.step()
    assert await days(database) == await days(database, "attempts") == [day, *from_to(30, -2)]
    assert len(await rows(database, "SELECT id FROM finished")) == 1
    await rows(database, SETTLE, id="waits")
    await retention.step()
    assert await days(database) == await days(database, "attempts") == from_to(30, -2)
    assert await tables_of(database, day) == []


async def test_nobody_waits_for_a_day_that_is_dropped_or_made(database: Database, database_url: str) -> None:
    await make_day(database, day_ago(OLD))
    await drop_day(database, day_ago(-2))
    settling = impatient(database_url, "1ms")
    for number in range(20):
        await rows(database, WAITING, day=day_ago(0), id=f"msg_{number}", time=noon(day_ago(0)))
    async with database.transaction() as reading:
        await reading.exec_driver_sql("SELECT count(*) FROM finished")
        dropping = asyncio.create_task(Retention(database, KEPT, Metrics("test")).step())
        await until("the dropping waits for the reader", lambda: rows(database, DETACHING))
        for number in range(20):
            await rows(settling, SETTLE, id=f"msg_{number}")
            assert len(await rows(settling, "SELECT id FROM finished")) == number + 1
        assert await rows(database, DETACHING)
    await dropping
    await settling.close()
    assert await days(database) == from_to(30, -2)
    assert await tables_of(database, day_ago(OLD)) == []


async def test_any_number_of_processes_may_do_it_while_deliveries_are_settled(
    database: Database, database_url: str
) -> None:
    for number in range(35, 45):
        await make_day(database, day_ago(number))
        await log(database, day_ago(number), 50)
    others = [Database(database_url, planner=INDEXES_ONLY) for _ in range(3)]
    queue = impatient(database_url, "100ms")
    over = asyncio.Event()

    async def settling(name: str) -> int:
        settled = 0
        while not over.is_set():
            id_ = f"{name}_{settled}"
            await rows(queue, WAITING, day=day_ago(0), id=id_, time=noon(day_ago(0)))
            await rows(queue, SETTLE, id=id_)
            settled += 1
        return settled

    settlers = [asyncio.create_task(settling(f"settler{number}")) for number in range(4)]
    await asyncio.gather(*(Retention(each, KEPT, Metrics("test")).step() for each in others))
    over.set()
    settled = sum(await asyncio.gather(*settlers))
    for each in (*others, queue):
        await each.close()
    assert await days(database) == await days(database, "attempts") == from_to(30, -2)
    assert len(await rows(database, "SELECT id FROM finished")) == settled > 0


async def broken_off(database: Database, retention: Retention) -> None:
    """A day's detaching ends with its connection while it waits for a reader."""
    async with database.transaction() as reading:
        await reading.exec_driver_sql("SELECT count(*) FROM finished")
        dropping = asyncio.create_task(retention.step())
        [row] = await until("the dropping waits for the reader", lambda: rows(database, DETACHING))
        await rows(database, "SELECT pg_terminate_backend(:pid)", pid=row.pid)
        with pytest.raises(DBAPIError):
            await dropping


async def test_what_a_crash_left_half_dropped_is_dropped_by_the_next(database: Database) -> None:
    for number in (OLD, OLD + 1):
        await make_day(database, day_ago(number))
        await log(database, day_ago(number))
    retention = Retention(database, KEPT, Metrics("test"))
    await broken_off(database, retention)
    before = await tables_of(database, day_ago(OLD + 1))
    await retention.step()
    assert len(before) == 2
    assert await days(database) == from_to(30, -2)
    assert [await tables_of(database, day_ago(number)) for number in (OLD, OLD + 1)] == [[], []]


async def test_what_is_half_dropped_comes_back_if_the_log_is_to_go_back_further(database: Database) -> None:
    await make_day(database, day_ago(OLD))
    [id_] = await log(database, day_ago(OLD))
    await broken_off(database, Retention(database, KEPT, Metrics("test")))
    longer = Retention(database, timedelta(days=OLD), Metrics("test"))
    await longer.make()
    await longer.step()
    found: list[Any] = await rows(database, "SELECT id FROM finished")
    assert await days(database) == from_to(OLD, -2)
    assert [row.id for row in found] == [id_]


async def test_who_reads_for_long_delays_the_dropping_alone(database: Database) -> None:
    await make_day(database, day_ago(OLD))
    retention = Retention(database, KEPT, Metrics("test"))
    async with database.transaction() as reading:
        await reading.exec_driver_sql("SELECT count(*) FROM finished")
        more = await retention.step()
        before = await tables_of(database, day_ago(OLD))
    await retention.step()
    assert (more, len(before)) == (False, 2)
    assert await tables_of(database, day_ago(OLD)) == []

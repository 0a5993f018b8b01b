"""A database that older code has filled comes to the queue and the log of today, with what it holds."""

import asyncio
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.local import databases
from deploy.local.apart import run_apart
from shared.database import Database, asyncpg_url, migrate
from tests.conftest import MIGRATIONS
from tests.servers import Servers

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
LONG_AGO = NOON - timedelta(days=50)
SOON = NOON + timedelta(days=7)
# webhook-id: its event's time, status, whether it is behind, what came of each attempt
STORED: dict[str, tuple[datetime, str, bool, list[str]]] = {
    "delivered": (NOON - timedelta(days=1), "delivered", False, ["failed", "failed", "delivered"]),
    "refused": (NOON - timedelta(days=1), "refused", False, ["refused"]),
    "exhausted": (LONG_AGO, "exhausted", False, ["failed", "exhausted"]),
    "withdrawn": (NOON, "withdrawn", False, []),
    "waits": (NOON, "waiting", False, ["failed"]),
    "waits behind": (NOON, "waiting", True, []),
    "ahead": (SOON, "waiting", False, []),
}
DELIVERY = text(
    """
    INSERT INTO deliveries (webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence, type,
                            event_time, settings_version, body, status, behind, attempts, failures, next_at,
                            lease, created_at, settled_at)
    VALUES (:id, :endpoint_id, 'link-1', 'T', 'S', '1', 1, 'order.created', :time, 1,
            CAST(CAST(:id AS text) AS bytea), :status, :behind, :attempts, :attempts, :next_at, :lease, :time,
            :settled_at)
    RETURNING id
    """
)
ATTEMPT = text(
    """
    INSERT INTO attempts (delivery_id, number, endpoint_id, started_at, duration_ms, outcome, status, error,
                          answer)
    VALUES (:id, :number, 'ep', :time, :number, :outcome, 500, NULL, CAST(CAST(:outcome AS text) AS bytea))
    """
)


@pytest.fixture
def old_tables(servers: Servers) -> Iterator[str]:
    """The URL of a database with the tables that the deliveries lay in before there was a log."""
    name = f"test_migrations_{uuid.uuid4().hex[:12]}"
    run_apart(lambda: databases.create(servers.database_url, name))
    url = databases.on_server(servers.database_url, name)
    migrate(asyncpg_url(url), MIGRATIONS["webhook_dispatcher"], "0003")
    yield url
    run_apart(lambda: databases.drop(servers.database_url, name))


async def store(connection: AsyncConnection, id_: str) -> None:
    """A delivery with its attempts, as older code stored it; one that waits was in flight when that ended."""
    time, status, behind, outcomes = STORED[id_]
    ended = status != "waiting"
    values = {
        "id": id_,
        "endpoint_id": None if status == "withdrawn" else "ep",
        "time": time,
        "status": status,
        "behind": behind,
        "attempts": len(outcomes),
        "next_at": SOON,
        "lease": uuid.uuid4() if id_ == "waits" else None,
        "settled_at": time + timedelta(minutes=1) if ended else None,
    }
    number = (await connection.execute(DELIVERY, values)).scalar_one()
    for place, outcome in enumerate(outcomes, 1):
        await connection.execute(ATTEMPT, {"id": number, "number": place, "time": time, "outcome": outcome})


async def found(connection: AsyncConnection, query: str) -> dict[str, tuple[Any, ...]]:
    """What a query answers, by its first column."""
    return {row[0]: tuple(row)[1:] for row in await connection.execute(text(query))}


async def test_what_has_ended_is_in_the_log_by_days_and_what_waits_is_in_the_queue(old_tables: str) -> None:
    database = Database(asyncpg_url(old_tables))
    async with database.transaction() as connection:
        for id_ in STORED:
            await store(connection, id_)
    await database.close()
    await asyncio.to_thread(migrate, asyncpg_url(old_tables), MIGRATIONS["webhook_dispatcher"])
    async with database.transaction() as connection:
        finished = await found(
            connection,
            """
            SELECT webhook_id, day, status, attempts, finished_at, outcome, duration_ms, answer, body,
                   endpoint_id FROM finished
            """,
        )
        waiting = await found(
            connection,
            """
            SELECT webhook_id, day, behind, followed, resent, attempts, next_at <= now() AS due, lease, body
            FROM deliveries
            """,
        )
        attempts = await found(
            connection,
            """
            SELECT webhook_id, array_agg(outcome ORDER BY number), min(attempts.day) FROM attempts
            JOIN (SELECT id, webhook_id FROM finished UNION ALL SELECT id, webhook_id FROM deliveries)
                AS made ON made.id = delivery_id GROUP BY webhook_id
            """,
        )
        highest = (await connection.execute(text("SELECT max(id) FROM deliveries"))).scalar_one()
        new = (await connection.execute(_NEXT_ID)).scalar_one()
    await database.close()
    assert finished == {
        id_: ended(id_, "ep" if id_ != "withdrawn" else None)
        for id_ in ("delivered", "refused", "exhausted", "withdrawn")
    }
    today, ahead = NOON.date(), SOON.date()
    assert waiting == {
        "waits": (today, False, True, False, 1, True, None, b"waits"),
        "waits behind": (today, True, True, False, 0, False, None, b"waits behind"),
        "ahead": (ahead, False, True, False, 0, False, None, b"ahead"),
    }
    assert attempts == {
        "delivered": (["failed", "failed"], NOON.date() - timedelta(days=1)),
        "exhausted": (["failed"], LONG_AGO.date()),
        "waits": (["failed"], today),
    }
    assert new > highest


_NEXT_ID = text("SELECT nextval(pg_get_serial_sequence('deliveries', 'id'))")


def ended(id_: str, endpoint_id: str | None) -> tuple[Any, ...]:
    """A finished delivery, with the attempt that ended it."""
    time, status, _, outcomes = STORED[id_]
    last = (outcomes[-1], len(outcomes), outcomes[-1].encode()) if outcomes else (None, None, None)
    settled_at = time + timedelta(minutes=1)
    return time.date(), status, len(outcomes), settled_at, *last, id_.encode(), endpoint_id


async def test_the_days_of_all_that_is_stored_are_there_and_those_to_come(old_tables: str) -> None:
    database = Database(asyncpg_url(old_tables))
    async with database.transaction() as connection:
        await store(connection, "exhausted")
        await store(connection, "ahead")
    await asyncio.to_thread(migrate, asyncpg_url(old_tables), MIGRATIONS["webhook_dispatcher"])
    async with database.transaction() as connection:
        counted = await found(
            connection,
            """
            SELECT CAST(inhparent AS regclass)::text, count(*), min(relname), max(relname)
            FROM pg_inherits JOIN pg_class ON oid = inhrelid
            WHERE inhparent IN ('finished'::regclass, 'attempts'::regclass) GROUP BY inhparent
            """,
        )
    await database.close()
    assert counted == {
        name: (58, f"{name}_{LONG_AGO:%Y%m%d}", f"{name}_{SOON:%Y%m%d}") for name in ("finished", "attempts")
    }

"""The log's days: each is a table of `finished` and one of `attempts`.

They are attached and detached under locks for which nobody waits who reads or writes the log; who detaches
one waits for those who had begun.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Who makes or drops days does it alone.
LOCK = 0x0DD0_0012
PATIENCE = "5s"

LOGS = ("finished", "attempts")
# `leaving`: detaching it was begun, and broken off while it waited for a transaction.
State = Literal["attached", "leaving", "detached"]

_LOCK = text(f"SELECT pg_advisory_xact_lock({LOCK})")
_TRY_LOCK = text(f"SELECT pg_try_advisory_lock({LOCK})")
_UNLOCK = text(f"SELECT pg_advisory_unlock({LOCK})")
_TABLES = text(
    """
    SELECT split_part(relname, '_', 1) AS log, to_date(split_part(relname, '_', 2), 'YYYYMMDD') AS day,
           CASE WHEN inhrelid IS NULL THEN 'detached' WHEN inhdetachpending THEN 'leaving' ELSE 'attached' END
               AS state
    FROM pg_class LEFT JOIN pg_inherits ON inhrelid = pg_class.oid
    WHERE relnamespace = CAST(current_schema() AS regnamespace) AND relkind = 'r'
      AND relname ~ '^(finished|attempts)_[0-9]{8}$'
    ORDER BY day, log DESC
    """
)
_UNFINISHED = text("SELECT DISTINCT day FROM deliveries WHERE day < :before")


@dataclass(frozen=True, slots=True)
class DayTable:
    """One day of one of the two logs."""

    log: str
    day: date
    state: State

    @property
    def name(self) -> str:
        return f"{self.log}_{self.day:%Y%m%d}"


async def lock(connection: AsyncConnection) -> None:
    """Waits until nobody else makes or drops days; nobody does until the transaction ends."""
    await connection.execute(_LOCK)


@asynccontextmanager
async def alone(connection: AsyncConnection) -> AsyncIterator[bool]:
    """Whether nobody else makes or drops days, nor does in this block. On a connection in no transaction.

    In the block a statement gives up waiting for others after `PATIENCE`.
    """
    if not (await connection.execute(_TRY_LOCK)).scalar_one():
        yield False
        return
    try:
        await connection.execute(text(f"SET lock_timeout = '{PATIENCE}'"))
        yield True
        await connection.execute(text("RESET lock_timeout"))
        await connection.execute(_UNLOCK)
    except BaseException:
        # Lock and patience are the server's session's, and end with it.
        await connection.invalidate()
        raise


async def tables(connection: AsyncConnection) -> list[DayTable]:
    """All that there are, the oldest day first, and of a day `finished` first."""
    return [DayTable(row.log, row.day, row.state) for row in await connection.execute(_TABLES)]


async def make(connection: AsyncConnection, missing: Iterable[DayTable]) -> None:
    """Makes these tables part of their logs; one that was detached comes back as it is."""
    for table in missing:
        like = f"(LIKE {table.log} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
        bounds = f"FOR VALUES FROM ('{table.day}') TO ('{table.day + timedelta(days=1)}')"
        await connection.execute(text(f"CREATE TABLE IF NOT EXISTS {table.name} {like}"))
        await connection.execute(text(f"ALTER TABLE {table.log} ATTACH PARTITION {table.name} {bounds}"))


async def unfinished(connection: AsyncConnection, before: date) -> set[date]:
    """The days before one of which deliveries are in the queue."""
    return set((await connection.execute(_UNFINISHED, {"before": before})).scalars())


async def finish_leaving(connection: AsyncConnection) -> None:
    """Ends the detachings that were broken off: each log takes one at a time. In no transaction."""
    for table in await tables(connection):
        if table.state == "leaving":
            await _detach(connection, table, "FINALIZE")


async def drop(connection: AsyncConnection, table: DayTable) -> None:
    """Takes a table out of its log, if it is in it, and drops it. In no transaction."""
    if table.state == "attached":
        await _detach(connection, table, "CONCURRENTLY")
    await connection.execute(text(f"DROP TABLE {table.name}"))


async def _detach(connection: AsyncConnection, table: DayTable, how: str) -> None:
    await connection.execute(text(f"ALTER TABLE {table.log} DETACH PARTITION {table.name} {how}"))

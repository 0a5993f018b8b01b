"""How many transactions an act on a link takes, its announcement on `links` included.

PostgreSQL counts them, but a connection tells the counters late, and of transactions that touched no table
only with the next one that does. So the counters are read around two spans of one length that end alike, one
with acts and one without: the difference is the acts' own. The relay is kept out by holding its lock.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import asyncpg

from shared.kafka.relay import RELAY_LOCK
from tests.bench.aims import Aim, Measure
from tests.bench.errors import BenchError
from tests.bench.integration.bare import TABLE
from tests.bench.integration.load import Job, Load, Request
from tests.harness import until

AIM, WRITTEN = Aim("exactly", 1, within=0.05), Aim("exactly", 1)
FIRST, READS = 200, 100
DATABASE = "integration"  # the service's
FLUSHED = 11.0  # seconds after which an idle connection has told the counters
_ENDED = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1"
_LINKS = "SELECT id FROM links WHERE threepl_id = $1 AND status = 'active'"
_PUBLISHED = "SELECT NOT EXISTS (SELECT FROM outbox)"
# Rows of one transaction bear the same xmin.
_WRITTEN = f"""
    SELECT count(*) FILTER (WHERE links.xmin = line.xmin AND line.xmin = outbox.xmin) AS together,
           count(*) FILTER (WHERE links.search IS DISTINCT FROM made.search) AS searched_otherwise
    FROM links JOIN link_history AS line ON line.link_id = links.id AND line.version = links.version
        JOIN outbox ON convert_from(outbox.key, 'UTF8') = links.id
        JOIN {TABLE} AS made ON made.id = links.id
"""


@asynccontextmanager
async def relay_kept_out(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Holds the relay's lock, on a connection to the service's database, from before the service starts."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(f"SELECT pg_advisory_lock({RELAY_LOCK})")
        yield connection
    finally:
        await connection.close()


async def measure(
    load: Load, held: asyncpg.Connection, server_url: str, service: str, token: str, threepl: str
) -> list[Measure]:
    """How many transactions an act took, and how many acts one transaction wrote; `held` has the lock."""
    ids = [row["id"] for row in await held.fetch(_LINKS, threepl)]
    acts = [Request(f"/links/{each}/deactivate", token, "POST") for each in ids]
    reads = Job(service, [Request(f"/links/{each}", token) for each in ids[:READS]])
    # On another database, so that its own transactions aren't counted.
    counting = await asyncpg.connect(server_url)
    # On a connection's first acts the driver asks for types, in transactions of its own; with fewer acts at
    # once after that, no connection is new.
    await _ended(counting, load, reads, load.do(Job(service, acts[:FIRST])))
    with_acts, seconds = await _ended(counting, load, reads, load.do(Job(service, acts[FIRST:], 8)))
    without, _ = await _ended(counting, load, reads, asyncio.sleep(seconds))
    await counting.close()
    counted = [((with_acts - without) / len(acts[FIRST:]), 1.0)]
    written = [(await _written_together(held), len(acts))]
    return [
        Measure("an act on a link, announced", "one transaction", "transactions", counted, AIM),
        Measure("acts that one transaction wrote", "all acts", "acts", written, WRITTEN),
    ]


async def published(database_url: str) -> None:
    """Waits until the relay, let in again, has published what waited."""
    connection = await asyncpg.connect(database_url)
    await until("the relay has published all", lambda: connection.fetchval(_PUBLISHED))
    await connection.close()


async def _ended(
    counting: asyncpg.Connection, load: Load, reads: Job, work: Awaitable[object]
) -> tuple[int, float]:
    """How many transactions ended in a span with this work, and how many seconds the work took."""
    before, began = await counting.fetchval(_ENDED, DATABASE), time.monotonic()
    await work
    seconds = time.monotonic() - began
    await load.do(reads)
    await asyncio.sleep(FLUSHED)
    return await counting.fetchval(_ENDED, DATABASE) - before, seconds


async def _written_together(connection: asyncpg.Connection) -> int:
    row = await connection.fetchrow(_WRITTEN)
    if row["searched_otherwise"]:
        raise BenchError("The service fills the links' column `search` otherwise than population.py does.")
    return int(row["together"])

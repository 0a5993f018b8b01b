"""How many SQL statements and row writes a delivery takes, from its assignment on, while many wait.

The embedded PostgreSQL has no pg_stat_statements, so that statements are counted in the server's log, BEGIN
and COMMIT among them. The server's counters of rows are complete once the sessions have ended.
"""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import asyncpg

from tests.bench.aims import Aim, Measure
from tests.bench.order_router.backlog import Publisher
from tests.bench.order_router.growth import Topic
from tests.bench.stage import Servers
from tests.bench.webhook_dispatcher.place import Place
from tests.harness import until

STATEMENTS_AIM, WRITES_AIM = Aim("at most", 0.1), Aim("at most", 5)
COUNT = 10_000
_STATEMENT = re.compile(r"LOG:  (statement|execute [^:]*):")
_ALONE = """
    SELECT count(*) = 1 FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
"""
_WRITES = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables"


async def measure(servers: Servers, place: Place, publisher: Publisher, topic: Topic) -> list[Measure]:
    """Of a dispatcher that isn't started; nobody else works on the server."""
    log, database = servers.postgres.log, place.database
    async with _logged(database):
        before = await _written(database)
        with ExitStack() as stack:
            place.dispatcher.start(stack)
            await place.publish(publisher, topic, "counted", COUNT)
            begun = _size(log)
            place.dispatcher.resume()
            await place.delivered(COUNT)
            ended = _size(log)
        written = await _written(database) - before
    said = statements(log.read_bytes()[begun:ended].decode(errors="replace").splitlines())
    words = f"a delivery while {COUNT:,} wait"
    return [
        Measure(words, "1", "SQL statements", [(said / COUNT, 1)], STATEMENTS_AIM),
        Measure(words, "1", "rows written", [(written / COUNT, 1)], WRITES_AIM),
    ]


def statements(lines: Iterable[str]) -> int:
    """How many statements a server's log tells of."""
    return sum(_STATEMENT.search(line) is not None for line in lines)


@asynccontextmanager
async def _logged(database: asyncpg.Connection) -> AsyncIterator[None]:
    """New sessions of this database log what they are asked, without the values; this one doesn't."""
    name = await database.fetchval("SELECT current_database()")
    for setting in ("log_statement = 'all'", "log_parameter_max_length = 0"):
        await database.execute(f'ALTER DATABASE "{name}" SET {setting}')
    yield
    await database.execute(f'ALTER DATABASE "{name}" RESET ALL')


async def _written(database: asyncpg.Connection) -> int:
    """How many rows were written so far, once no other session is there."""
    await until("the dispatcher's sessions end", lambda: database.fetchval(_ALONE))
    return int(await database.fetchval(_WRITES))


def _size(log: Path) -> int:
    return log.stat().st_size

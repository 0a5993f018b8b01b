"""How far the routers of one database are with what lies on their topics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import text

from shared import offsets, outbox
from shared.database import Database, asyncpg_url
from tests.harness import ends, until


@dataclass(frozen=True)
class Progress:
    """What the database of a router says; `topics` are those it reads, with their prefix."""

    database: Database
    bootstrap_servers: str
    topics: tuple[str, ...]

    async def handled(self) -> int:
        """How many records of its topics are handled."""
        statement = text("SELECT sum(next_offset) FROM consumer_offsets WHERE topic = ANY(:topics)")
        async with self.database.transaction() as connection:
            found = await connection.execute(statement, {"topics": list(self.topics)})
            return int(found.scalar_one() or 0)

    async def idle(self, patience: float) -> None:
        """Waits until all that lies on the topics is handled and said, with what follows from it."""
        places = await ends(self.bootstrap_servers, *self.topics)

        async def is_idle() -> bool:
            async with self.database.transaction() as connection:
                stored = await offsets.read(connection, places)
                unsettled = await connection.execute(text("SELECT id FROM links WHERE NOT settled"))
                waiting, _ = await outbox.count(connection)
            behind = {place: end for place, end in places.items() if stored.get(place, 0) < end}
            return not behind and not unsettled.all() and not waiting

        await until("everything on the topics is handled and said", is_idle, patience)


@asynccontextmanager
async def progress(database_url: str, bootstrap_servers: str, *topics: str) -> AsyncIterator[Progress]:
    database = Database(asyncpg_url(database_url))
    yield Progress(database, bootstrap_servers, topics)
    await database.close()

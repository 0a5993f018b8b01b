"""A handler that writes what it is given into a table, and what became of it."""

from dataclasses import dataclass, field

from sqlalchemy import text

from shared.database import Database
from shared.kafka.batches import Batch, Batches
from shared.kafka.records import Record
from shared.telemetry import Metrics
from tests.builders import NOW


@dataclass
class Handler:
    """Writes each record's value to a table; `b"bad"` can never work, and the first `outages` calls fail."""

    outages: int = 0
    batches: list[int] = field(default_factory=list)

    async def handle(self, batch: Batch) -> None:
        if self.outages:
            self.outages -= 1
            raise ConnectionRefusedError("the database is away")
        self.batches.append(len(batch.records))
        for record in batch.records:
            if record.value == b"bad":
                raise ValueError("this record breaks the handler")
            statement = text("INSERT INTO handled VALUES (:value)")
            await batch.connection.execute(statement, {"value": (record.value or b"").decode()})


def batches(database: Database, handler: Handler) -> Batches:
    return Batches(
        database, handler.handle, dead_letter_topic="dead", metrics=Metrics("test"), committed=lambda: None
    )


async def handled(database: Database) -> list[str]:
    async with database.transaction() as connection:
        return list((await connection.execute(text("SELECT value FROM handled"))).scalars())


async def dead(database: Database) -> list[str]:
    async with database.transaction() as connection:
        return list((await connection.execute(text("SELECT reason FROM dead_letters"))).scalars())


def records(*values: bytes, first: int = 0) -> list[Record]:
    return [Record("t", 0, first + place, None, value, {}, NOW) for place, value in enumerate(values)]

"""A rebalance in the midst of a batch: another router polls the same records, and they are handled once."""

import asyncio
from dataclasses import dataclass, field
from functools import partial

import pytest
from faststream.kafka import KafkaBroker
from sqlalchemy import text

from shared.database import Database
from shared.kafka.batches import Batch
from shared.kafka.consumer import BatchConsumer
from shared.kafka.subscription import Subscription, kafka_broker
from tests.component.shared.handling import Handler, batches, dead, handled
from tests.harness import publish, until
from tests.servers import Servers

ROUND = 60


@dataclass
class HeldHandler(Handler):
    """Holds the first batch with records of all three partitions, once it is written, until it is let go.

    Then it fails if told to, as if the database had gone away.
    """

    fails: bool = False
    at_hand: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, batch: Batch) -> None:
        await super().handle(batch)
        if not self.at_hand.is_set() and len({record.partition for record in batch.records}) == 3:
            self.at_hand.set()
            await self.let_go.wait()
            if self.fails:
                raise ConnectionRefusedError("the database is away")


@pytest.mark.parametrize("fails", [False, True], ids=["it commits", "it fails"])
async def test_a_rebalance_in_the_midst_of_a_batch_loses_nothing_and_doubles_nothing(
    servers: Servers, prefix: str, database: Database, fails: bool
) -> None:
    holding, published = HeldHandler(fails=fails), 0
    first = await joined(servers, prefix, database, holding)
    while not holding.at_hand.is_set():
        published = await one_more_round(servers, prefix, published)
        await until("these are handled or held", partial(done_or_held, database, published, holding))
    second = await joined(servers, prefix, database, Handler())
    await until("the second router waits for what the first has at hand", lambda: somebody_waits(database))
    published = await one_more_round(servers, prefix, published)
    holding.let_go.set()
    await until("everything is handled", lambda: done(database, published))
    for broker in (first, second):
        await broker.stop()
    assert sorted(await handled(database), key=int) == [str(number) for number in range(published)]
    assert await dead(database) == []


async def joined(servers: Servers, prefix: str, database: Database, handler: Handler) -> KafkaBroker:
    """One more member of the group, started."""
    broker = kafka_broker(servers.bootstrap_servers, "test", 5)
    subscription = Subscription(prefix + "group", topics=(prefix + "orders.created",))
    BatchConsumer(broker, database, subscription, batches(database, handler))
    await broker.start()
    return broker


async def one_more_round(servers: Servers, prefix: str, published: int) -> int:
    numbers = [b"%d" % number for number in range(published, published + ROUND)]
    topic = prefix + "orders.created"
    await publish(servers.bootstrap_servers, *((topic, number, number) for number in numbers))
    return published + ROUND


async def done(database: Database, published: int) -> bool:
    return len(await handled(database)) >= published


async def done_or_held(database: Database, published: int, holding: HeldHandler) -> bool:
    return holding.at_hand.is_set() or await done(database, published)


async def somebody_waits(database: Database) -> bool:
    """Whether a transaction waits for a row that another one holds."""
    statement = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with database.transaction() as connection:
        return bool((await connection.execute(statement)).scalar_one())

"""A consumer with a name: who comes back by it goes on at once, of two with the same one the older ends."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.producer import AIOKafkaProducer
from faststream.kafka import KafkaBroker
from structlog.testing import capture_logs

from shared.database import Database
from shared.kafka.consumer import BatchConsumer
from shared.kafka.subscription import Subscription, kafka_broker
from tests.component.shared.handling import Handler, batches, handled
from tests.harness import publish, until
from tests.servers import Servers

AT_ONCE = 5.0  # seconds; a member without a name would be waited for for 7 to 10
SOON = 0.5  # seconds
NEW_PARTITION = 3


@asynccontextmanager
async def member(
    servers: Servers, prefix: str, database: Database, name: str = "router-1", metadata_max_age: float = 30
) -> AsyncIterator[KafkaBroker]:
    """A consumer in the group by this name; like one that is killed it doesn't say that it ends."""
    broker = kafka_broker(servers.bootstrap_servers, "test", 5, metadata_max_age)
    subscription = Subscription(prefix + "group", topics=(prefix + "orders.created",), instance=name)
    BatchConsumer(broker, database, subscription, batches(database, Handler()))
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


@pytest.fixture
async def told_to_end() -> AsyncIterator[asyncio.Event]:
    """Set once this process is told to end, which it isn't then."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    yield told
    loop.remove_signal_handler(signal.SIGTERM)


async def are_handled(database: Database, *values: str) -> None:
    async def all_there() -> bool:
        return set(values) <= set(await handled(database))

    await until(f"{values} are handled", all_there)


async def test_who_comes_back_under_its_name_has_its_partitions_at_once(
    servers: Servers, prefix: str, database: Database
) -> None:
    async with member(servers, prefix, database), member(servers, prefix, database, "router-2"):
        pass
    for value in ("1", "2"):
        await publish(servers.bootstrap_servers, (prefix + "orders.created", b"key", value.encode()))
        began = time.monotonic()
        async with member(servers, prefix, database), member(servers, prefix, database, "router-2"):
            await are_handled(database, value)
            took = time.monotonic() - began
        assert took < AT_ONCE


async def test_of_two_with_one_name_the_older_is_told_to_end_and_takes_nothing_back(
    servers: Servers, prefix: str, database: Database, told_to_end: asyncio.Event
) -> None:
    with capture_logs() as logs:
        async with member(servers, prefix, database), member(servers, prefix, database):
            await asyncio.wait_for(told_to_end.wait(), 15)
            await publish(servers.bootstrap_servers, (prefix + "orders.created", b"1", b"1"))
            await are_handled(database, "1")
    [replaced] = [line for line in logs if line["event"] == "consumer.replaced"]
    assert (replaced["group"], replaced["instance"]) == (prefix + "group", "router-1")


async def test_new_partitions_are_noticed_by_one_that_came_back_even_if_made_while_it_was_away(
    servers: Servers, prefix: str, database: Database
) -> None:
    topic = prefix + "orders.created"
    async with member(servers, prefix, database):
        pass
    await grow(servers, topic, NEW_PARTITION + 1)
    async with member(servers, prefix, database, metadata_max_age=SOON):
        await publish_to(servers, topic, NEW_PARTITION)
        await are_handled(database, str(NEW_PARTITION))
    async with member(servers, prefix, database, metadata_max_age=SOON):
        await grow(servers, topic, NEW_PARTITION + 2)
        await publish_to(servers, topic, NEW_PARTITION + 1)
        await are_handled(database, str(NEW_PARTITION + 1))


async def grow(servers: Servers, topic: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.bootstrap_servers)
    await admin.start()
    await admin.create_partitions({topic: NewPartitions(partitions)})
    await admin.close()


async def publish_to(servers: Servers, topic: str, partition: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers.bootstrap_servers)
    await producer.start()

    async def is_there() -> bool:
        return partition in await producer.partitions_for(topic)

    await until(f"partition {partition} is there", is_there)
    await producer.send_and_wait(topic, b"%d" % partition, partition=partition)
    await producer.stop()

"""Batches from a real broker into a real database: each record once, whatever fails meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.kafka.consumer import BatchConsumer
from shared.kafka.subscription import Subscription, kafka_broker
from tests.component.shared.handling import Handler, batches, dead, handled
from tests.harness import publish, until
from tests.servers import Servers


@asynccontextmanager
async def consuming(
    servers: Servers, prefix: str, database: Database, handler: Handler
) -> AsyncIterator[BatchConsumer]:
    broker = kafka_broker(servers.bootstrap_servers, "test", 5)
    subscription = Subscription(prefix + "group", topics=(prefix + "orders.created",))
    consumer = BatchConsumer(broker, database, subscription, batches(database, handler))
    await broker.start()
    try:
        yield consumer
    finally:
        await broker.stop()


async def test_what_passes_by_itself_is_tried_again_until_it_works(
    servers: Servers, prefix: str, database: Database
) -> None:
    handler = Handler(outages=4)
    await publish(servers.bootstrap_servers, (prefix + "orders.created", b"1", b"1"))
    async with consuming(servers, prefix, database, handler):
        await until("the record is handled", lambda: handled(database))
    assert (handler.outages, await handled(database), await dead(database)) == (0, ["1"], [])


async def test_a_consumer_goes_on_where_the_database_stands(
    servers: Servers, prefix: str, database: Database
) -> None:
    topic = prefix + "orders.created"
    for value in (b"1", b"2", b"3"):
        await publish(servers.bootstrap_servers, (topic, b"key", value))

        async def there(value: str = value.decode()) -> bool:
            return value in await handled(database)

        async with consuming(servers, prefix, database, Handler()):
            await until(f"record {value!r} is handled", there)
    assert await handled(database) == ["1", "2", "3"]


async def test_a_database_beyond_the_topics_end_is_said_and_nothing_is_read(
    servers: Servers, prefix: str, database: Database
) -> None:
    topic = prefix + "orders.created"
    async with database.transaction() as connection:
        await connection.execute(
            text("INSERT INTO consumer_offsets SELECT :topic, n, 500 FROM generate_series(0, 2) n"),
            {"topic": topic},
        )
    await publish(servers.bootstrap_servers, (topic, b"key", b"1"))
    async with consuming(servers, prefix, database, Handler()) as consumer:

        async def all_refused() -> bool:
            return len(consumer.beyond_end) == 3

        await until("every partition is refused", all_refused)
        await publish(servers.bootstrap_servers, (topic, b"key", b"2"))
    assert await handled(database) == []
    assert "beyond the topic's end" in next(iter(consumer.beyond_end.values()))


async def test_a_closed_gate_holds_records_back_and_an_open_one_lets_them_in(
    servers: Servers, prefix: str, database: Database
) -> None:
    gate = {"open": False}
    broker = kafka_broker(servers.bootstrap_servers, "test", 5)
    subscription = Subscription(prefix + "group", topics=(prefix + "orders.created",))
    handler = Handler()
    asked: list[bool] = []

    def is_open() -> bool:
        asked.append(gate["open"])
        return gate["open"]

    BatchConsumer(broker, database, subscription, batches(database, handler), gate=is_open)
    await broker.start()
    await publish(servers.bootstrap_servers, (prefix + "orders.created", b"1", b"1"))

    async def asked_thrice() -> bool:
        return len(asked) >= 3

    await until("the gate is asked", asked_thrice)
    assert await handled(database) == []
    gate["open"] = True
    await until("the record is handled", lambda: handled(database))
    await broker.stop()


class SlowDatabase(Database):
    """A database that says where the consumer stands only once `ready` has come true."""

    ready: Callable[[], Awaitable[bool]] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        ready, self.ready = self.ready, None
        if ready is not None:
            await until("the database may answer", ready)
        async with super().transaction() as connection:
            yield connection


async def test_what_kafka_was_told_is_never_a_start(
    servers: Servers, prefix: str, database: Database
) -> None:
    """A database restored to its past stands below Kafka's own offsets; what lies between is handled."""
    topic = prefix + "order-router.dead-letter"  # of one partition
    values = [b"%d" % number for number in range(1000)]
    await publish(servers.bootstrap_servers, *((topic, None, value) for value in values))
    async with AIOKafkaConsumer(
        bootstrap_servers=servers.bootstrap_servers, group_id=prefix + "group", enable_auto_commit=False
    ) as other:
        other.assign([TopicPartition(topic, 0)])
        await other.commit({TopicPartition(topic, 0): 900})
    async with database.transaction() as connection:
        await connection.execute(
            text("INSERT INTO consumer_offsets VALUES (:topic, 0, 100)"), {"topic": topic}
        )
    slow = SlowDatabase(database.engine.url.render_as_string(hide_password=False))
    broker = kafka_broker(servers.bootstrap_servers, "test", 5)
    subscription = Subscription(prefix + "group", topics=(topic,))
    consumer = BatchConsumer(broker, slow, subscription, batches(slow, Handler()))

    async def polled_from_kafkas_offset() -> bool:
        return bool(await consumer._subscriber.consumer.position(TopicPartition(topic, 0)) == 1000)

    slow.ready = polled_from_kafkas_offset
    await broker.start()

    async def all_handled() -> bool:
        return len(await handled(slow)) >= 900

    await until("everything since the database's offset is handled", all_handled)
    await broker.stop()
    assert sorted(await handled(slow), key=int) == [str(number) for number in range(100, 1000)]
    await slow.close()


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_messages_are_read_however_they_are_compressed(
    servers: Servers, prefix: str, database: Database, codec: str
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers.bootstrap_servers, compression_type=codec)
    await producer.start()
    await producer.send_and_wait(prefix + "orders.created", codec.encode() * 100)
    await producer.stop()
    async with consuming(servers, prefix, database, Handler()):
        assert await until("it is handled", lambda: handled(database)) == [codec * 100]


async def test_what_a_producer_took_back_is_not_read_and_its_marks_are_no_lag(
    servers: Servers, prefix: str, database: Database
) -> None:
    topic = prefix + "orders.created"
    producer = AIOKafkaProducer(
        bootstrap_servers=servers.bootstrap_servers, transactional_id=prefix + "upstream"
    )
    await producer.start()
    with contextlib.suppress(ZeroDivisionError):
        async with producer.transaction():
            await producer.send_and_wait(topic, b"aborted", key=b"k")
            _ = 1 / 0
    async with producer.transaction():
        await producer.send_and_wait(topic, b"committed", key=b"k")
    await producer.stop()
    async with consuming(servers, prefix, database, Handler()) as consumer:
        await until("the record is handled", lambda: handled(database))

        async def no_lag() -> bool:
            lag = await consumer.lag()
            return len(lag) == 3 and not any(lag.values())

        await until("there is no lag", no_lag)
    assert await handled(database) == ["committed"]


async def test_a_topic_made_anew_under_a_running_consumer_is_said(
    servers: Servers, prefix: str, database: Database
) -> None:
    topic = prefix + "order-router.dead-letter"
    broker = kafka_broker(servers.bootstrap_servers, "test", 5)
    subscription = Subscription(prefix + "group", topics=(topic,))
    consumer = BatchConsumer(broker, database, subscription, batches(database, Handler()))
    await publish(servers.bootstrap_servers, *((topic, None, b"%d" % number) for number in range(5)))
    await broker.start()

    async def five() -> bool:
        return len(await handled(database)) == 5

    await until("five are handled", five)
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.bootstrap_servers)
    await admin.start()
    await admin.delete_topics([topic])

    async def made_anew() -> bool:
        answer = await admin.create_topics([NewTopic(topic, 1, 1)])
        return bool(answer.topic_errors[0][1] == 0)

    await until("the topic is made anew", made_anew)
    await admin.close()

    async def said() -> bool:
        with contextlib.suppress(KafkaError):
            await consumer.lag()
        return bool(consumer.beyond_end)

    await until("it is said that the database stands beyond the end", said)
    await broker.stop()


async def test_a_seek_ends_when_its_partitions_are_taken_away_or_the_service_stops(
    database: Database,
) -> None:
    """Otherwise no new assignment could ever be made, and a stop would wait for a database that is away."""
    away = Database("postgresql+asyncpg://nobody@127.0.0.1:9/none")
    broker = kafka_broker("127.0.0.1:9", "test", 5)
    consumer = BatchConsumer(broker, away, Subscription("group", topics=("t",)), batches(away, Handler()))
    mine = TopicPartition("t", 0)
    aiokafka = consumer._subscriber.consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:9")
    aiokafka.assign([mine])
    seeking = asyncio.create_task(consumer.on_partitions_assigned({mine}))

    async def is_seeking() -> bool:
        return consumer.seeking and not seeking.done()

    await until("the seek has begun", is_seeking)
    aiokafka.unsubscribe()
    await asyncio.wait_for(seeking, 30)
    assert consumer.seeking

    aiokafka.assign([mine])
    consumer.closing = True
    await asyncio.wait_for(consumer.on_partitions_assigned({mine}), 30)

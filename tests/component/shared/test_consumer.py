"""Batches from a real broker into a real database: each record once, whatever fails meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database, asyncpg_url
from shared.kafka.batches import Batch, Batches
from shared.kafka.consumer import BatchConsumer
from shared.kafka.records import Record, from_aiokafka
from shared.kafka.subscription import Subscription, kafka_broker
from shared.telemetry import Metrics
from tests.builders import NOW
from tests.conftest import MakeDatabase, Servers
from tests.harness import publish, until


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


@pytest.fixture
async def database(make_database: MakeDatabase) -> AsyncIterator[Database]:
    made = Database(asyncpg_url(make_database("order_router")))
    async with made.transaction() as connection:
        await connection.execute(text("CREATE TABLE handled (value text)"))
    yield made
    await made.close()


def batches(database: Database, handler: Handler) -> Batches:
    return Batches(
        database, handler.handle, dead_letter_topic="dead", metrics=Metrics("test"), committed=lambda: None
    )


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


async def handled(database: Database) -> list[str]:
    async with database.transaction() as connection:
        return list((await connection.execute(text("SELECT value FROM handled"))).scalars())


async def dead(database: Database) -> list[str]:
    async with database.transaction() as connection:
        return list((await connection.execute(text("SELECT reason FROM dead_letters"))).scalars())


def records(*values: bytes, first: int = 0) -> list[Record]:
    return [Record("t", 0, first + place, None, value, {}, NOW) for place, value in enumerate(values)]


async def test_a_record_that_breaks_the_handler_is_a_dead_letter_and_the_others_go_through(
    database: Database,
) -> None:
    await batches(database, Handler()).commit(records(b"1", b"bad", b"3"))
    assert sorted(await handled(database)) == ["1", "3"]
    [reason] = await dead(database)
    assert reason == "handling it failed: ValueError: this record breaks the handler"


async def test_a_batch_that_comes_again_is_handled_once(database: Database) -> None:
    one = batches(database, Handler())
    await one.commit(records(b"1", b"2"))
    await one.commit(records(b"1", b"2", b"3"))
    assert sorted(await handled(database)) == ["1", "2", "3"]


async def test_two_processes_with_the_same_partition_handle_each_record_once(database: Database) -> None:
    values = [str(number).encode() for number in range(100)]
    both = batches(database, Handler()), batches(database, Handler())
    work = [
        one.commit(records(*values[start : start + 10], first=start))
        for start in range(0, 100, 10)
        for one in both
    ]
    for pair in zip(work[::2], work[1::2], strict=True):
        await asyncio.gather(*pair)
    assert sorted(await handled(database)) == sorted(value.decode() for value in values)


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


async def test_a_table_that_is_not_there_is_no_records_fault(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("DROP TABLE handled"))
    with pytest.raises(ProgrammingError):
        await batches(database, Handler()).commit(records(b"1", b"2"))
    assert await dead(database) == []


async def test_a_reason_names_no_value_of_the_record(database: Database) -> None:
    await batches(database, Handler()).commit(records(b"Ada\x00Lovelace"))
    [reason] = await dead(database)
    assert "invalid byte sequence" in reason
    assert "Ada" not in reason


@pytest.mark.parametrize("timestamp", [None, -1, 10**15, 10**18, 2**63 - 1])
def test_a_record_has_a_time_whatever_its_producer_gave(timestamp: int | None) -> None:
    message = ConsumerRecord("t", 0, 7, timestamp, 0, b"k", b"v", None, 1, 1, (("h", None),))
    assert from_aiokafka(message).timestamp.tzinfo is not None


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


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+asyncpg://u:p@h/d?ssl=require"),
        ("postgres://h/d?host=/tmp&sslmode=disable", "postgresql+asyncpg://h/d?host=/tmp&ssl=disable"),
        ("postgresql+psycopg://h/d", "postgresql+asyncpg://h/d"),
    ],
)
def test_a_url_as_libpq_takes_it_is_one_for_us(given: str, meant: str) -> None:
    assert asyncpg_url(given) == meant

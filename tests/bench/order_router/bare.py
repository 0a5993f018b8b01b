"""The bare loop that the order-router is held against: it consumes, inserts and produces, and no more.

`python -m tests.bench.order_router.bare`, in a process of its own, on the service's uvloop, with raw aiokafka
and asyncpg. It reads with the settings of shared/kafka/subscription.py and produces with those of
shared/kafka/relay.py; a batch is one transaction with one statement, and one message for each order.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pydantic_core
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.kafka.subscription import BATCH
from shared.kafka.topics import MAX_MESSAGE_BYTES
from tests.bench.worker import answer

TABLE = (
    "CREATE TABLE bare_orders (shop_id text, order_id text, document text, PRIMARY KEY (shop_id, order_id))"
)
_INSERT = "INSERT INTO bare_orders SELECT * FROM unnest($1::text[], $2::text[], $3::text[])"


async def move(job: Any) -> int:
    """Moves what lies between two offsets of each partition of a topic to another; answers how much."""
    database = await asyncpg.connect(job["database_url"])
    consumer, producer = _consumer(job["bootstrap_servers"]), _producer(job["bootstrap_servers"])
    await producer.start()
    await consumer.start()
    partitions = [TopicPartition(job["topic"], number) for number in range(len(job["first"]))]
    consumer.assign(partitions)
    for tp in partitions:
        consumer.seek(tp, job["first"][tp.partition])
    moved, wanted = 0, sum(job["end"]) - sum(job["first"])
    while moved < wanted:
        polled = await consumer.getmany(timeout_ms=20, max_records=BATCH)
        records = [record for records in polled.values() for record in records]
        if records:
            await _insert(database, records)
            await _produce(producer, job["to"], records)
            await consumer.commit()
        moved += len(records)
    await consumer.stop()
    await producer.stop()
    await database.close()
    return moved


async def _insert(database: asyncpg.Connection, records: Sequence[Any]) -> None:
    orders = [pydantic_core.from_json(record.value)["data"] for record in records]
    shops, ids = [order["shop"] for order in orders], [order["id"] for order in orders]
    async with database.transaction():
        await database.execute(_INSERT, shops, ids, [record.value.decode() for record in records])


async def _produce(producer: AIOKafkaProducer, topic: str, records: Sequence[Any]) -> None:
    sent = [await producer.send(topic, record.value, key=record.key) for record in records]
    await asyncio.gather(*sent)


def _consumer(bootstrap_servers: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id="bare",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        metadata_max_age_ms=30_000,
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        isolation_level="read_committed",
    )


def _producer(bootstrap_servers: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        max_request_size=MAX_MESSAGE_BYTES,
        max_batch_size=256 * 1024,
        linger_ms=0,
    )


if __name__ == "__main__":
    answer(move)

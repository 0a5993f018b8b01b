"""How tests drive services: run one in this process, publish, read topics, wait on a condition."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from jwt.algorithms import OKPAlgorithm
from sqlalchemy import text

from shared import auth
from shared.contracts.callers import Caller
from shared.contracts.identifiers import AccountKind
from shared.database import Database, asyncpg_url
from shared.kafka.records import Record, from_aiokafka
from shared.offsets import Place

PATIENCE = 60.0  # seconds after which a condition is taken never to come true
NOBODY = "http://127.0.0.1:9"  # an address where nobody listens


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The service of this app, started, as a client sees it."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def until(what: str, condition: Callable[[], Awaitable[Any]], patience: float = PATIENCE) -> Any:
    """The first true answer of `condition`; fails the test, naming `what`, if there is none."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        answer = await condition()
        if answer:
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(f"this did not come true in {patience:.0f} s: {what}")


async def publish(bootstrap_servers: str, *messages: tuple[str, bytes | None, bytes | None]) -> None:
    """Publishes (topic, key, value) messages, in their order for each key."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", max_request_size=2**21)
    await producer.start()
    try:
        sent = [await producer.send(topic, value, key=key) for topic, key, value in messages]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def read_topic(bootstrap_servers: str, topic: str) -> list[Record]:
    """Everything that lies on a topic now, partition by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in await _partitions(consumer, topic)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        records: list[Record] = []
        for tp, end in ends.items():
            while end > 0 and await consumer.position(tp) < end:
                batch = await consumer.getmany(tp, timeout_ms=500)
                records += [from_aiokafka(message) for message in batch.get(tp, [])]
        return records
    finally:
        await consumer.stop()


async def ends(bootstrap_servers: str, *topics: str) -> dict[Place, int]:
    """Where every partition of these topics ends now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers)
    await consumer.start()
    try:
        places = [TopicPartition(topic, n) for topic in topics for n in await _partitions(consumer, topic)]
        return {(tp.topic, tp.partition): end for tp, end in (await consumer.end_offsets(places)).items()}
    finally:
        await consumer.stop()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.force_metadata_update()
    return set(consumer.partitions_for_topic(topic) or await _described(consumer, topic))


async def _described(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    consumer._client.add_topic(topic)
    await consumer._client.force_metadata_update()
    return set(consumer._client.cluster.partitions_for_topic(topic) or ())


async def events(bootstrap_servers: str, topic: str) -> list[dict[str, Any]]:
    """The CloudEvents on a topic, as JSON."""
    return [json.loads(record.value or b"{}") for record in await read_topic(bootstrap_servers, topic)]


async def follow(bootstrap_servers: str, topic: str) -> AsyncGenerator[dict[str, Any]]:
    """The CloudEvents on a topic, as JSON, and those that come; ends after `PATIENCE` without one."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        while batch := await consumer.getmany(timeout_ms=int(PATIENCE * 1000)):
            for records in batch.values():
                for record in records:
                    yield json.loads(record.value or b"{}")
    finally:
        await consumer.stop()


class Tokens:
    """Signs access tokens with a key that it makes known to services' databases."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._jwk = {
            **OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True),
            "kid": "test",
            "alg": "EdDSA",
        }

    async def trust(self, database_url: str) -> None:
        """Stores the key as one that integration has published."""
        database = Database(asyncpg_url(database_url))
        async with database.transaction() as connection:
            await connection.execute(
                text("INSERT INTO trusted_keys VALUES ('test', CAST(:jwk AS jsonb), now())"),
                {"jwk": json.dumps(self._jwk)},
            )
        await database.close()

    def headers(self, account: str, kind: AccountKind, **claims: Any) -> dict[str, str]:
        """The Authorization header of an administrator of the account, or of whom the claims say."""
        given = {"roles": {"administrator"}, "scopes": {"read", "write"}, **claims}
        caller = Caller(account=account, kind=kind, subject=f"key of {account}", **given)
        token = auth.sign(caller, self._key, "test", datetime.now(UTC), timedelta(minutes=15))
        return {"Authorization": f"Bearer {token}"}

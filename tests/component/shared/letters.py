"""A service of one consumer with its dead letters' API, and letters that wait in its database."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from shared import dead_letter_api, dead_letters
from shared.auth import TrustedKeys, caller_dependency
from shared.contracts.identifiers import AccountKind
from shared.database import Database
from shared.dead_letters import DeadLetter
from shared.http import create_api
from shared.kafka.batches import Batch, Batches
from shared.kafka.consumer import BatchConsumer, always
from shared.kafka.records import Record
from shared.kafka.relay import Relay
from shared.kafka.subscription import Subscription, kafka_broker
from shared.runtime import Service
from shared.settings import ServiceSettings
from shared.telemetry import Metrics
from tests.builders import NOW, account_id
from tests.component.shared.handling import handled
from tests.harness import NOBODY, Tokens
from tests.servers import Servers

# As the code of the first migration keeps a letter.
OLD = text(
    """
    INSERT INTO dead_letters (topic, partition, "offset", key, value, headers, size, sha256, reason)
    VALUES ('t', 2, 7, NULL, '{', '{"content-type": "text/plain"}', 1, '', 'no JSON')
    """
)


@dataclass
class Handler:
    """Writes what it is given to the table `handled`, then refuses it or fails, if it is told to."""

    refuses: str | None = None
    fails: Exception | None = None
    seen: list[Record] = field(default_factory=list)
    said: list[int] = field(default_factory=list)

    async def handle(self, batch: Batch) -> None:
        for record in batch.records:
            self.seen.append(record)
            values = {"value": f"{record.topic}/{record.partition}/{record.offset}"}
            await batch.connection.execute(text("INSERT INTO handled VALUES (:value)"), values)
            if self.refuses is not None:
                batch.refuse(record, self.refuses)
            if self.fails is not None:
                raise self.fails
        batch.after_commit.append(lambda: self.said.append(len(batch.records)))


@dataclass
class Office:
    """Where letters wait and operators come."""

    database: Database
    handler: Handler
    client: httpx.AsyncClient
    tokens: Tokens

    async def keep(self, *records: Record, reason: str = "no JSON") -> list[int]:
        """Keeps the records as dead letters; answers their ids."""
        async with self.database.transaction() as connection:
            await dead_letters.add(connection, [DeadLetter(record, reason) for record in records], "dead")
            found = await connection.scalars(text("SELECT id FROM dead_letters ORDER BY id"))
            return list(found)[-len(records) :]

    def as_who(self, kind: AccountKind = "operator", **claims: Any) -> dict[str, str]:
        return self.tokens.headers(account_id(kind, 1), kind, **claims)

    async def get(self, path: str = "", **query: Any) -> httpx.Response:
        return await self.client.get(f"/dead-letters{path}", headers=self.as_who(), params=query)

    async def ids(self, **query: Any) -> list[int]:
        answer = await self.get(**query)
        assert answer.status_code == 200, answer.text
        return [letter["id"] for letter in answer.json()["dead_letters"]]

    async def put_back(self, letter_id: int) -> httpx.Response:
        return await self.client.post(f"/dead-letters/{letter_id}/put-back", headers=self.as_who())

    async def put_back_many(self, **wanted: Any) -> httpx.Response:
        return await self.client.post("/dead-letters/put-back", headers=self.as_who(), json=wanted)

    async def handled(self) -> list[str]:
        return await handled(self.database)


@asynccontextmanager
async def office(
    servers: Servers, database: Database, *, gate: Callable[[], bool] = always, doubt: str = ""
) -> AsyncIterator[Office]:
    """A service that reads the topics `t` and `orders.<anything>`, none of which anybody writes to."""
    handler, metrics, tokens = Handler(), Metrics("test"), Tokens()
    url = database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    await tokens.trust(url)
    keys = TrustedKeys(database, NOBODY, metrics)
    batches = Batches(
        database, handler.handle, dead_letter_topic="dead", metrics=metrics, committed=lambda: None
    )
    broker = kafka_broker(servers.bootstrap_servers, "test", 5)
    consumers = [
        BatchConsumer(broker, database, Subscription("t", topics=("t",)), batches, gate=gate),
        BatchConsumer(broker, database, Subscription("o", pattern=r"^orders\.[^.]+$"), batches),
    ]
    settings = {"DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers}
    service = Service(
        name="test",
        settings=ServiceSettings.model_validate(settings),
        database=database,
        metrics=metrics,
        relay=Relay(database, servers.bootstrap_servers, metrics),
        migrations=Path(),
        consumers=consumers,
        doubts=[lambda: [doubt] if doubt else []],
    )
    app = create_api(service, "Test", "A service of a test.")
    app.include_router(dead_letter_api.routes(service, caller_dependency(keys.find)))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Office(database, handler, client, tokens)
    await keys.close()


def message(offset: int = 0, value: bytes | None = b"{", **changes: Any) -> Record:
    """A record of the topic `t`."""
    whole: dict[str, Any] = {"topic": "t", "partition": 2, "key": b"key", "headers": {}, "timestamp": NOW}
    return Record(**{**whole, "offset": offset, "value": value, **changes})

"""Dead letters of the three services: kept by real consumers, and put back through their handlers."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest
from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

import integration.app
import order_router.app
import webhook_dispatcher.app
from deploy.local import databases
from shared import dead_letters, offsets
from shared.contracts import deliveries
from shared.contracts.assignments import ASSIGNED
from shared.contracts.deliveries import EndpointEvent
from shared.database import Database, asyncpg_url, migrate
from shared.dead_letters import DeadLetter
from shared.kafka.records import Record
from tests.builders import (
    NOW,
    SHOP,
    account_id,
    assignment,
    assignment_message,
    link_message,
    order,
    order_event,
)
from tests.component.integration.conftest import settings_of, world_of
from tests.component.shared.letters import OLD
from tests.conftest import MIGRATIONS, MakeDatabase
from tests.harness import NOBODY, Tokens, events, publish, running, until
from tests.servers import Servers

FAR = 10**6  # an offset that no record of these tests has


class Stage:
    """A service's database and topics, and its operator."""

    def __init__(self, servers: Servers, prefix: str, url: str) -> None:
        self.servers, self.prefix, self.url = servers, prefix, url
        self.tokens = Tokens()

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "database_url": self.url,
            "kafka_bootstrap_servers": self.servers.bootstrap_servers,
            "topic_prefix": self.prefix,
            "integration_url": NOBODY,
            "encryption_keys": Fernet.generate_key().decode(),
        }

    @property
    def operator(self) -> dict[str, str]:
        return self.tokens.headers(account_id("operator", 1), "operator")

    async def keep(self, topic: str, value: bytes) -> int:
        """A letter that a handler would take today; answers its id."""
        record = Record(self.prefix + topic, 0, FAR, None, value, {}, NOW)
        letter = DeadLetter(record, "a bug of yesterday")
        database = Database(asyncpg_url(self.url))
        async with database.transaction() as connection:
            await dead_letters.add(connection, [letter], self.prefix + "order-router.dead-letter")
            found = await connection.scalar(
                text('SELECT id FROM dead_letters WHERE "offset" = :far'), {"far": FAR}
            )
        await database.close()
        return int(found)

    async def letters(self, client: httpx.AsyncClient) -> list[dict[str, Any]]:
        answer = await client.get("/dead-letters", headers=self.operator)
        return list(answer.json()["dead_letters"])

    async def put_back(self, client: httpx.AsyncClient, letter_id: int) -> httpx.Response:
        return await client.post(f"/dead-letters/{letter_id}/put-back", headers=self.operator)


async def stage_of(servers: Servers, prefix: str, url: str) -> Stage:
    stage = Stage(servers, prefix, url)
    await stage.tokens.trust(url)
    return stage


async def test_an_order_is_routed_once_its_letter_is_put_back(
    servers: Servers, prefix: str, make_database: MakeDatabase
) -> None:
    stage = await stage_of(servers, prefix, make_database("order_router"))
    await publish(
        servers.bootstrap_servers,
        (prefix + "links", b"link-1", link_message()),
        (prefix + "orders.created", b"1", b"\xff no JSON"),
    )
    good = await stage.keep("orders.created", order_event(order("7")))
    async with running(
        order_router.app.build(order_router.app.Settings.model_validate(stage.settings))
    ) as client:

        async def both_kept() -> list[dict[str, Any]]:
            found = await stage.letters(client)
            return found if len(found) == 2 else []

        [bad, _] = await until("the message without JSON is a dead letter", both_kept)
        refused = await stage.put_back(client, bad["id"])
        answer = await until("it is put back", lambda: _put_back_once_open(stage, client, good))

        async def said() -> list[dict[str, Any]]:
            return await events(servers.bootstrap_servers, prefix + "assignments")

        [event] = await until("the assignment is announced", said)
        waiting = [letter["id"] for letter in await stage.letters(client)]
    assert (refused.status_code, refused.json()["reason"][:7]) == (422, "no JSON")
    assert answer["put_back_at"] is not None
    assert (event["type"], event["data"]["order_id"]) == (ASSIGNED, "7")
    assert waiting == [bad["id"]]


async def _put_back_once_open(stage: Stage, client: httpx.AsyncClient, letter_id: int) -> Any:
    answer = await stage.put_back(client, letter_id)
    return answer.json() if answer.status_code == 200 else None


async def test_no_order_is_put_back_before_the_links_are_known(
    servers: Servers, prefix: str, make_database: MakeDatabase
) -> None:
    stage = await stage_of(servers, prefix, make_database("order_router"))
    await publish(servers.bootstrap_servers, (prefix + "links", b"link-1", link_message()))
    letter_id = await stage.keep("orders.created", order_event(order("7")))
    database = Database(asyncpg_url(stage.url))
    app = order_router.app.build(order_router.app.Settings.model_validate(stage.settings))
    async with running(app) as client:
        async with database.transaction() as holding:
            await _hold_links_back(holding, prefix)
            held = await stage.put_back(client, letter_id)
            seen = await client.get(f"/orders/{SHOP}/7", headers=stage.operator)
        await until("it is put back", lambda: _put_back_once_open(stage, client, letter_id))
        routed = await client.get(f"/orders/{SHOP}/7", headers=stage.operator)
    await database.close()
    assert (held.status_code, seen.status_code) == (503, 404)
    assert "the links are not applied" in held.json()["detail"]
    assert (routed.json()["holder"], routed.json()["link_id"]) == ("threepl", "link-1")


async def _hold_links_back(connection: AsyncConnection, prefix: str) -> None:
    """Nobody applies a link while these rows are another's."""
    await offsets.lock(connection, {(prefix + "links", number): 0 for number in range(3)})


async def test_the_dispatcher_makes_the_delivery_of_a_letter(
    servers: Servers, prefix: str, make_database: MakeDatabase
) -> None:
    stage = await stage_of(servers, prefix, make_database("webhook_dispatcher"))
    held = assignment("7", settings={"webhook_url": "https://hooks.example.com/in"})
    letter_id = await stage.keep("assignments", assignment_message(held))
    app = webhook_dispatcher.app.build(webhook_dispatcher.app.Settings.model_validate(stage.settings))
    async with running(app) as client:
        answer = await stage.put_back(client, letter_id)
        made = (await client.get("/deliveries", headers=stage.operator)).json()["deliveries"]
    assert answer.status_code == 200
    assert [(each["order_id"], each["type"]) for each in made] == [("7", "order.created")]


async def test_integration_writes_the_mail_of_a_letter_once_whatever_its_key(
    servers: Servers, prefix: str, make_database: MakeDatabase
) -> None:
    settings = settings_of(servers, make_database, prefix)
    stage = Stage(servers, prefix, settings.database_url.replace("+asyncpg", ""))
    app = integration.app.build(settings)
    async with running(app) as client:
        world = await world_of(settings, client, app.state.parts.tokens)
        threepl = await world.account("threepl")
        event = EndpointEvent(
            endpoint_id="endpoint-1",
            link_id="link-1",
            shop_id=SHOP,
            threepl_id=threepl.id,
            url="https://hooks.north.example/in",
            reason="no answer for 60 hours",
        )
        letter_id = await stage.keep(
            "deliveries", deliveries.write(event, "endpoint-1/disabled/0", deliveries.ENDPOINT_DISABLED, NOW)
        )
        path = f"/dead-letters/{letter_id}/put-back"
        keyed = {"headers": {"Idempotency-Key": "put-back-1"}}
        answers = [
            *await asyncio.gather(*(world.operator.post(path, **keyed) for _ in range(30))),
            await world.operator.post(path),
        ]
        many = await world.operator.post("/dead-letters/put-back", {"ids": [letter_id]}, **keyed)
        database = Database(settings.database_url)
        async with database.transaction() as connection:
            mails = await connection.scalar(
                text("SELECT count(*) FROM mails WHERE recipient = :who"), {"who": threepl.email}
            )
        await database.close()
    assert [answer.status_code for answer in answers] == [200] * 31
    assert len({answer.json()["put_back_at"] for answer in answers}) == 1
    assert (many.status_code, many.json()["type"].rpartition("/")[2]) == (422, "idempotency-key-reused")
    assert mails == 1


@pytest.mark.parametrize("service", MIGRATIONS)
async def test_letters_from_before_the_migration_have_the_time_they_were_received_at(
    servers: Servers, service: str
) -> None:
    name = f"test_old_{uuid.uuid4().hex[:12]}"
    await databases.create(servers.database_url, name)
    url = asyncpg_url(databases.on_server(servers.database_url, name))
    before = "0002" if service == "integration" else "0001"
    await asyncio.to_thread(_migrate_to, url, service, before)
    database = Database(url)
    async with database.transaction() as connection:
        await connection.execute(OLD)
    await asyncio.to_thread(migrate, url, MIGRATIONS[service])
    async with database.transaction() as connection:
        [row] = await connection.execute(text("SELECT * FROM dead_letters"))
    await database.close()
    await databases.drop(servers.database_url, name)
    assert (row.timestamp, row.raw_headers, row.put_back_at) == (row.received_at, None, None)


def _migrate_to(url: str, service: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS[service]))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, revision)

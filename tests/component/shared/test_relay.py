"""The outbox's relay against a real broker: in order, once it is committed, one relay at a time."""

import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from shared import outbox
from shared.database import Database, asyncpg_url
from shared.kafka.relay import Relay
from shared.kafka.topics import MAX_MESSAGE_BYTES
from shared.outbox import Message
from shared.telemetry import Metrics
from tests.conftest import MakeDatabase
from tests.harness import read_topic, until
from tests.servers import Servers

# Ends the server's session that holds the relay's lock in this test's database.
CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND datname = current_database()
"""


@pytest.fixture
async def database(make_database: MakeDatabase) -> AsyncIterator[Database]:
    made = Database(asyncpg_url(make_database("order_router")))
    yield made
    await made.close()


def relay(servers: Servers, database: Database) -> Relay:
    return Relay(database, servers.bootstrap_servers, Metrics("test"))


async def add(database: Database, *messages: Message) -> None:
    async with database.transaction() as connection:
        await outbox.add(connection, messages)


async def left(database: Database) -> tuple[int, int]:
    async with database.transaction() as connection:
        return await outbox.count(connection)


async def drained(database: Database) -> bool:
    return (await left(database))[0] == 0


async def test_each_key_comes_in_its_order(servers: Servers, prefix: str, database: Database) -> None:
    messages = [Message(prefix + "links", b"%d" % (n % 7), b"%d" % n) for n in range(500)]
    await add(database, *messages)
    running = relay(servers, database)
    running.loop.start()
    await until("the outbox is empty", lambda: drained(database))
    await running.stop()
    said = await read_topic(servers.bootstrap_servers, prefix + "links")
    for key in range(7):
        values = [int(record.value or b"") for record in said if record.key == b"%d" % key]
        assert values == list(range(key, 500, 7))


async def test_what_is_rolled_back_is_never_said(servers: Servers, prefix: str, database: Database) -> None:
    async with database.engine.connect() as connection:
        await outbox.add(connection, [Message(prefix + "links", b"k", b"never")])
        await connection.rollback()
    await add(database, Message(prefix + "links", b"k", b"said"))
    running = relay(servers, database)
    running.loop.start()
    await until("the outbox is empty", lambda: drained(database))
    await running.stop()
    [said] = await read_topic(servers.bootstrap_servers, prefix + "links")
    assert said.value == b"said"


@pytest.mark.parametrize("key", [b"a", random.Random(1).randbytes(100_000)], ids=["short key", "long key"])
async def test_a_message_the_broker_never_takes_is_parked_with_its_key_and_others_go_on(
    servers: Servers, prefix: str, database: Database, key: bytes
) -> None:
    topic = prefix + "links"
    await add(
        database,
        Message(topic, key, b"first"),
        Message(topic, key, b"x" * (MAX_MESSAGE_BYTES + 1)),
        Message(topic, key, b"behind it"),
        Message(topic, b"b", b"other key"),
    )
    running = relay(servers, database)
    running.loop.start()

    async def only_the_key_is_left() -> bool:
        return await left(database) == (1, 1)

    await until("all but the parked message and what waits behind it is said", only_the_key_is_left)
    await running.stop()
    said = {record.value for record in await read_topic(servers.bootstrap_servers, topic)}
    assert said == {b"first", b"other key"}
    async with database.transaction() as connection:
        reason = (
            await connection.execute(text("SELECT parked_reason FROM outbox WHERE parked_reason IS NOT NULL"))
        ).scalar_one()
    assert "MessageSizeTooLarge" in reason


@pytest.mark.parametrize("parked", [False, True])
async def test_what_waits_is_found_by_its_id_whatever_the_statistics_say(
    servers: Servers, prefix: str, database: Database, parked: bool
) -> None:
    """Without statistics PostgreSQL would read the whole table, with all the rows that were deleted since."""
    await add(database, *(Message(prefix + "links", b"%d" % n, b"x") for n in range(500)))
    async with database.transaction() as connection:
        if parked:
            [first, *_] = await outbox.waiting(connection, 1)
            await outbox.park(connection, first.id, "never")
    running = relay(servers, database)
    leading = await running._leading()
    assert leading is not None
    plan = (await leading.execute(text(f"EXPLAIN {outbox._WAITING.text}"), {"limit": 1000})).scalars().all()
    await leading.rollback()
    await running.stop()
    assert [line for line in plan if "Index Scan using outbox_pkey on outbox" in line]
    assert not [line for line in plan if "Seq Scan" in line]


async def test_one_relay_leads_and_another_takes_over_when_it_stops(
    servers: Servers, prefix: str, database: Database
) -> None:
    first, second = relay(servers, database), relay(servers, database)
    first.loop.start()
    await add(database, Message(prefix + "links", b"k", b"1"))
    await until("the first relay has published", lambda: drained(database))
    second.loop.start()
    for number in range(2, 50):
        await add(database, Message(prefix + "links", b"k", b"%d" % number))
    await first.stop()
    await add(database, Message(prefix + "links", b"k", b"50"))
    await until("the second relay has published the rest", lambda: drained(database))
    await second.stop()
    said = await read_topic(servers.bootstrap_servers, prefix + "links")
    assert [int(record.value or b"") for record in said] == list(range(1, 51))


async def test_a_relay_whose_connection_is_cut_publishes_again(
    servers: Servers, prefix: str, database: Database
) -> None:
    running = relay(servers, database)
    running.loop.start()
    await add(database, Message(prefix + "links", b"k", b"1"))
    await until("the relay has published", lambda: drained(database))
    async with database.transaction() as connection:
        await connection.execute(text(CUT))
    await add(database, Message(prefix + "links", b"k", b"2"))
    await until("the relay has published again", lambda: drained(database))
    await running.stop()
    said = await read_topic(servers.bootstrap_servers, prefix + "links")
    assert {record.value for record in said} == {b"1", b"2"}

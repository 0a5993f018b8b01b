"""One batch, one transaction: each record once, and no record blamed for what it did not do."""

import asyncio

import pytest
from aiokafka import ConsumerRecord
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from shared.database import Database, asyncpg_url
from shared.kafka.records import from_aiokafka
from tests.component.shared.handling import Handler, batches, dead, handled, records


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

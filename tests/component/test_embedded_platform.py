"""The embedded PostgreSQL and Kafka: they start, survive kill -9, and leave no process behind."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill(part: Postgres | Kafka) -> int:
    """Kill the part as hard as can be; its pid."""
    pid = part.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not part.alive())
    return pid


def processes_of(folder: Path) -> list[psutil.Process]:
    """Every process that works in or below this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    server = Postgres(tmp_path / "postgres", fsync=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[Kafka]:
    broker = Kafka(tmp_path / "kafka")
    broker.start()
    yield broker
    broker.stop()


async def query(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def test_postgres_is_version_18_and_listens_on_no_port(postgres: Postgres) -> None:
    assert postgres.version.startswith("18.")
    assert postgres.pid is not None
    assert psutil.Process(postgres.pid).net_connections("inet") == []


async def test_a_database_is_a_copy_of_its_template_and_is_made_once(postgres: Postgres) -> None:
    postgres.create_database("original")
    await query(postgres.url("original"), "CREATE TABLE things AS SELECT 7 AS thing")
    postgres.create_database("copy", template="original")
    postgres.create_database("copy")
    assert await query(postgres.url("copy"), "SELECT thing FROM things") == 7


async def test_postgres_comes_back_with_its_data_after_kill_9_in_the_middle_of_a_query(
    postgres: Postgres,
) -> None:
    await query(postgres.url("postgres"), "CREATE TABLE things AS SELECT 7 AS thing")
    busy = asyncio.create_task(query(postgres.url("postgres"), "SELECT pg_sleep(600)"))
    running = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')"
    while not await query(postgres.url("postgres"), running):
        pass
    url, killed = postgres.url("postgres"), kill(postgres)
    postgres.start()
    assert postgres.pid != killed
    assert postgres.url("postgres") == url
    assert await query(url, "SELECT thing FROM things") == 7
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await busy


def test_postgres_starts_where_a_socket_path_would_be_too_long(tmp_path: Path) -> None:
    server = Postgres(tmp_path / ("long" * 30), fsync=False)
    server.start()
    assert asyncio.run(query(server.url("postgres"), "SELECT 7")) == 7
    server.stop()
    assert not server.socket_folder.exists()


def test_a_second_start_ends_the_postgres_that_the_first_left(postgres: Postgres, tmp_path: Path) -> None:
    left = postgres.pid
    second = Postgres(tmp_path / "postgres", fsync=False)
    second.start()
    until(lambda: not postgres.alive())
    assert second.pid != left
    second.stop()


def test_a_stopped_postgres_leaves_no_process_and_keeps_its_data(postgres: Postgres, tmp_path: Path) -> None:
    asyncio.run(query(postgres.url("postgres"), "CREATE TABLE things AS SELECT 7 AS thing"))
    assert processes_of(tmp_path)
    postgres.stop()
    assert processes_of(tmp_path) == []
    postgres.start()
    assert asyncio.run(query(postgres.url("postgres"), "SELECT thing FROM things")) == 7


async def topics(kafka: Kafka, new: list[NewTopic]) -> list[str]:
    """The broker's topics, after making the new ones."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        if new:
            await admin.create_topics(new)
        names: list[str] = await admin.list_topics()
        return names
    finally:
        await admin.close()


def test_kafka_keeps_its_topics_over_kill_9_and_stop_and_leaves_no_process(
    kafka: Kafka, tmp_path: Path
) -> None:
    address = kafka.bootstrap_servers
    asyncio.run(topics(kafka, [NewTopic("orders", 2, 1)]))
    killed = kill(kafka)
    kafka.start()
    assert kafka.pid != killed
    assert kafka.bootstrap_servers == address
    assert "orders" in asyncio.run(topics(kafka, []))
    kafka.stop()
    assert processes_of(tmp_path) == []
    again = Kafka(tmp_path / "kafka", port=kafka.port)
    again.start()
    assert again.bootstrap_servers == address
    assert "orders" in asyncio.run(topics(again, []))
    again.stop()

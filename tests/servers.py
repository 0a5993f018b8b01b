"""The broker and the database that tests run on: embedded, or in containers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from deploy.local.jars import Say
from deploy.local.kafka import Kafka
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.postgres import Postgres

# One node that is broker and controller; testcontainers' own Kafka is another vendor's image.
KAFKA_IN_A_CONTAINER = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
}


@dataclass(frozen=True)
class Servers:
    """Where the broker and the database are, and what they are."""

    bootstrap_servers: str
    database_url: str
    said: str


def embedded(
    folder: Path, given_kafka: str | None, given_database: str | None, say: Say
) -> Iterator[Servers]:
    kafka, postgres = Kafka(folder / "kafka", say=say), Postgres(folder / "postgres", fsync=False)
    said = []
    if not given_kafka:
        kafka.start()
        said.append(f"Apache Kafka {kafka.version}")
    if not given_database:
        postgres.start()
        said.append(f"PostgreSQL {postgres.version}")
    try:
        yield Servers(
            given_kafka or kafka.bootstrap_servers,
            given_database or postgres.url("postgres"),
            " and ".join(said) + ", embedded",
        )
    finally:
        postgres.stop()
        kafka.stop()


def containers() -> Iterator[Servers]:
    port = free_port()
    try:
        kafka = _kafka_container(port).start()
        postgres = PostgresContainer("postgres:18.4", driver=None).start()
    except Exception as error:
        pytest.exit(f"--containers needs a Docker engine that answers, and there is none: {error}", 1)
    try:
        said = "Apache Kafka 4.4.0 and PostgreSQL 18.4, in containers"
        yield Servers(f"{LOOPBACK}:{port}", postgres.get_connection_url(), said)
    finally:
        postgres.stop()
        kafka.stop()


def _kafka_container(port: int) -> DockerContainer:
    return (
        DockerContainer("apache/kafka:4.4.0")
        .with_bind_ports(9092, port)
        .with_envs(**KAFKA_IN_A_CONTAINER, KAFKA_ADVERTISED_LISTENERS=f"PLAINTEXT://{LOOPBACK}:{port}")
        .waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    )

"""Orderdock's topics (DESIGN 6): their names, partitions and settings, and how they are made."""

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass, field

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

ORDERS_CREATED = "orders.created"
ORDERS_UPDATED = "orders.updated"
ORDERS_CANCELLED = "orders.cancelled"
LINKS = "links"
ASSIGNMENTS = "assignments"
DELIVERIES = "deliveries"

# Orderdock's own topics, and from them its producers, take messages of this many bytes (DESIGN 4.11).
MAX_MESSAGE_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True)
class Topic:
    """One topic; `configs` are Kafka's topic settings."""

    name: str
    partitions: int = 6
    configs: dict[str, str] = field(default_factory=dict)


def dead_letter(service: str) -> str:
    """The topic that announces a service's dead letters."""
    return f"{service}.dead-letter"


_LARGE = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}

TOPICS: tuple[Topic, ...] = (
    Topic(ORDERS_CREATED, configs=_LARGE),
    Topic(ORDERS_UPDATED, configs=_LARGE),
    Topic(ORDERS_CANCELLED, configs=_LARGE),
    Topic(LINKS, configs={**_LARGE, "cleanup.policy": "compact"}),
    Topic(ASSIGNMENTS, configs=_LARGE),
    Topic(DELIVERIES, configs=_LARGE),
    Topic(dead_letter("integration"), partitions=1, configs=_LARGE),
    Topic(dead_letter("order-router"), partitions=1, configs=_LARGE),
    Topic(dead_letter("webhook-dispatcher"), partitions=1, configs=_LARGE),
)


async def create_topics(
    bootstrap_servers: str, prefix: str = "", *, replication: int = 1, most_partitions: int = 6
) -> None:
    """Makes the topics that don't exist yet; those that do stay as they are.

    Raises aiokafka's error for the first topic the broker refuses to make.
    """
    # `acks=all` means all that are in sync; with one copy less a broker may still be away.
    durability = {"min.insync.replicas": str(replication - 1)} if replication > 2 else {}
    wanted = [
        NewTopic(
            prefix + topic.name,
            min(topic.partitions, most_partitions),
            replication,
            topic_configs={**topic.configs, **durability},
        )
        for topic in TOPICS
    ]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        response = await admin.create_topics(wanted)
        for name, code, message in (entry[:3] for entry in response.topic_errors):
            if code not in (0, TopicAlreadyExistsError.errno):
                raise for_code(code)(f"{name}: {message}")
    finally:
        await admin.close()


def main() -> None:
    """`python -m shared.kafka.topics`: makes the topics on `KAFKA_BOOTSTRAP_SERVERS`.

    Exits 2 if that isn't set, 1 if the broker can't be reached or refuses.
    """
    parser = argparse.ArgumentParser(prog="python -m shared.kafka.topics", description="Make the topics.")
    parser.add_argument("--replication", type=int, default=1, help="copies of each partition (default 1)")
    replication = parser.parse_args().replication
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if not servers:
        parser.error("KAFKA_BOOTSTRAP_SERVERS is missing")
    prefix = os.environ.get("ORDERDOCK_TOPIC_PREFIX", "")
    try:
        asyncio.run(create_topics(servers, prefix, replication=replication))
    except KafkaError as error:
        sys.exit(f"The topics can't be made on {servers}: {error}")


if __name__ == "__main__":
    main()

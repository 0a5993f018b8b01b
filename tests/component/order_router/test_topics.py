"""Order topics and partitions that come while the router runs are read from their beginning."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from pydantic import ValidationError

from order_router.app import Settings
from tests.builders import link_message, order, order_event
from tests.component.order_router.router import Router
from tests.harness import NOBODY, until

SOON = 0.5  # seconds until a topic is noticed, which by default are 30

GOOD = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "ORDERDOCK_INTEGRATION_URL": NOBODY,
}
MakeTopic = Callable[[str], Awaitable[None]]


@pytest.fixture
async def admin(router: Router) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=router.servers.bootstrap_servers)
    await client.start()
    yield client
    await client.close()


@pytest.fixture
async def make_topic(router: Router, admin: AIOKafkaAdminClient) -> AsyncIterator[MakeTopic]:
    """Makes topics of two partitions, which go with the test."""
    made: list[str] = []

    async def make(name: str) -> None:
        made.append(router.prefix + name)
        await admin.create_topics([NewTopic(router.prefix + name, 2, 1)])

    yield make
    await admin.delete_topics(made)


async def test_topics_of_sources_are_read_whole_whether_they_come_before_the_router_or_while_it_runs(
    router: Router, make_topic: MakeTopic
) -> None:
    await router.publish(("links", "link-1", link_message()))
    await make_topic("orders.acme.updated")
    await router.publish(*orders("orders.acme.updated", range(10)))
    async with router.start(metadata_max_age=SOON):
        await router.said(10)
        for first, topic in enumerate(("orders.acme.created", "orders.other-source.cancelled"), 1):
            await make_topic(topic)
            await router.publish(*orders(topic, range(first * 10, first * 10 + 10)))
            await router.publish(*orders("orders.created", [first * 100]))
            said = await router.said(10 + first * 11)
    assert Counter(event["order_id"] for event in said) == Counter(map(str, [*range(30), 100, 200]))
    assert {event["type"] for event in said} == {"assigned"}


async def test_new_partitions_of_a_topic_are_read_whole_and_the_old_ones_go_on(
    router: Router, admin: AIOKafkaAdminClient
) -> None:
    await router.publish(("links", "link-1", link_message()))
    async with router.start(metadata_max_age=SOON):
        await router.publish(*orders("orders.created", range(10)))
        await router.said(10)
        await admin.create_partitions({router.prefix + "orders.created": NewPartitions(5)})
        for place, partition in enumerate((3, 4, 0), 1):
            await publish_into(router, partition, range(place * 10, place * 10 + 10))
        said = await router.said(40)
    assert Counter(event["order_id"] for event in said) == Counter(map(str, range(40)))


async def test_which_topics_hold_orders_is_a_setting(router: Router, make_topic: MakeTopic) -> None:
    for topic in ("intake.acme", "intake.acme.archive"):
        await make_topic(topic)
        await router.publish(*orders(topic, [topic]))
    await router.publish(("links", "link-1", link_message()), *orders("orders.created", ["by default"]))
    async with router.start(order_topics=r"intake\.[a-z]{4}|orders\.cancelled"):
        await router.publish(*orders("orders.cancelled", ["too"]))
        said = await router.said(2)
    assert {event["order_id"] for event in said} == {"intake.acme", "too"}


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("orders[", "is no regular expression: unterminated character set"),
        ("a)(b", "is no regular expression: unbalanced parenthesis"),
        ("(?i)orders", "is no regular expression: global flags not at the start"),
        ("x{9}{9}", "is no regular expression: multiple repeat"),
        ("x{99999999999}", "is no regular expression: the repetition number is too large"),
        (".*", "must not match links, which holds no orders"),
        (r"order-router\..*", "must not match order-router.dead-letter, which holds no orders"),
        ("", "at least 1 character"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({**GOOD, "integration_url": NOBODY, "order_topics": pattern})
    [fault] = refused.value.errors()
    assert fault["loc"] == ("order_topics",)
    assert reason in fault["msg"]


def test_a_pattern_that_cannot_be_is_said_at_start() -> None:
    environment = {"PATH": os.environ.get("PATH", ""), **GOOD, "ORDERDOCK_ORDER_TOPICS": "orders["}
    command = Path(sys.executable).with_name("orderdock-order-router")
    ended = subprocess.run(
        [command], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "ORDERDOCK_ORDER_TOPICS" in ended.stderr
    assert "is no regular expression" in ended.stderr


def orders(topic: str, ids: Iterable[object]) -> list[tuple[str, str, bytes]]:
    return [(topic, str(each), order_event(order(str(each)))) for each in ids]


async def publish_into(router: Router, partition: int, ids: Iterable[object]) -> None:
    """Publishes orders into one partition of `orders.created`."""
    producer = AIOKafkaProducer(bootstrap_servers=router.servers.bootstrap_servers)
    await producer.start()

    async def is_known() -> bool:
        return partition in await producer.partitions_for(router.prefix + "orders.created")

    await until("the new partition is known", is_known)
    for topic, key, value in orders(router.prefix + "orders.created", ids):
        await producer.send_and_wait(topic, value, key=key.encode(), partition=partition)
    await producer.stop()

"""Shopify's and WooCommerce's documents go through a running router: stored, and assigned if routable."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.builders import link_message, order_event
from tests.component.order_router.router import Router
from tests.harness import read_topic, until
from tests.samples import DOCUMENTED, SHOPIFY, WOOCOMMERCE, Sample, read, said

# Of the same order the later one last.
SAMPLES = (*SHOPIFY, *WOOCOMMERCE, *DOCUMENTED)
LAST = {sample.order_id: sample for sample in SAMPLES}
ROUTABLE = {sample.order_id for sample in SAMPLES if sample.routable}

TopicOf = Callable[[Sample], str]


@pytest.fixture(params=["plain topics", "topics of the sources"])
async def topic_of(request: pytest.FixtureRequest, router: Router) -> AsyncIterator[TopicOf]:
    """The topic of a sample's event."""
    if request.param == "plain topics":
        yield lambda sample: "orders.created"
        return
    names = [router.prefix + f"orders.{source}.created" for source in ("shopify", "woocommerce")]
    admin = AIOKafkaAdminClient(bootstrap_servers=router.servers.bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1) for name in names])
    yield lambda sample: f"orders.{sample.event_type.split('.')[1]}.created"
    await admin.delete_topics(names)
    await admin.close()


async def test_every_sample_is_stored_and_assigned_if_it_is_routable(
    router: Router, topic_of: TopicOf
) -> None:
    await router.publish(("links", "link-1", link_message()))
    began = datetime.now(UTC)
    for number, sample in enumerate(SAMPLES):
        time = began + timedelta(milliseconds=number)
        event = order_event(sample.document, event_type=sample.event_type, time=time)
        await router.publish((topic_of(sample), sample.order_id, event))
    async with router.start() as client:
        seen = {sample.name: await stored(router, client, sample) for sample in LAST.values()}
        await until("all routable orders are announced", lambda: is_announced(router))
        letters = await read_topic(
            router.servers.bootstrap_servers, router.prefix + "order-router.dead-letter"
        )
    assert letters == []
    assert {name: (order["holder"], order["stage"]) for name, order in seen.items()} == {
        sample.name: (holder(sample), "cancelled" if sample.cancelled else "open") for sample in LAST.values()
    }


def holder(sample: Sample) -> str:
    return "threepl" if sample.order_id in ROUTABLE else "shop"


async def is_announced(router: Router) -> bool:
    told = await router.assignments()
    return {event["order_id"] for event in told if event["type"] == "assigned"} == ROUTABLE


async def stored(router: Router, client: httpx.AsyncClient, sample: Sample) -> dict[str, Any]:
    """What the API says of the sample's order, once its document is what the sample becomes."""
    becomes = said(read(sample.document, sample.event_type))

    async def current() -> dict[str, Any] | None:
        order = await router.order(client, sample.order_id)
        return order if order["order"] == becomes else None

    return dict(await until(f"{sample.name} is stored", current))

"""Two routers of one group on the same orders, while rebalances are forced and links go off and on."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from deploy.local.service_process import Service
from tests.builders import account_id
from tests.component.order_router.crowd import Links, Message, created, shop_of, updated
from tests.component.order_router.histories import Holder, Key, check, histories
from tests.component.order_router.processes import processes
from tests.component.order_router.progress import Progress, progress
from tests.component.order_router.router import Router
from tests.harness import publish, read_topic, until

ORDERS, AT_ONCE, TURNS = 50_000, 2_500, 20
TOPICS = ("orders.created", "orders.updated")


@pytest.mark.timeout(480)
async def test_each_order_has_one_holder_and_its_events_in_order_whoever_reads_what(
    router: Router, tmp_path: Path
) -> None:
    links, at = Links(), datetime.now(UTC)
    servers, topics = router.servers.bootstrap_servers, [router.prefix + topic for topic in TOPICS]
    await told_of(router, links.first())
    async with (
        processes(router, tmp_path, 2) as services,
        progress(router.database_url, servers, *topics, router.prefix + "links") as told,
    ):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pour(router, created, at))
            tasks.create_task(pour(router, updated, at))
            tasks.create_task(turn_links(router, links, told))
            tasks.create_task(come_and_go(router, told))
            tasks.create_task(start_again(services, told))
        await told.idle(patience=300)
        said = histories(await read_topic(servers, router.prefix + "assignments"))
        seen = await holders_by_api(router, services)
        stored = await holders_by_rows(router)
        letters = await router.rows("SELECT reason FROM dead_letters")
    assert letters == []
    check(said, links, ORDERS)
    of_shops = {(shop_of(number), str(number)): Holder(None, 0) for number in range(ORDERS)}
    assert stored == {**of_shops, **{key: history.holder for key, history in said.items()}}
    assert seen == stored
    assert all('"order.assigned"' in service.log.read_text() for service in services)


async def told_of(router: Router, messages: Iterable[Message]) -> None:
    ready = [(router.prefix + topic, key, value) for topic, key, value in messages]
    await publish(router.servers.bootstrap_servers, *ready)


async def pour(router: Router, flow: Callable[[range, datetime], Iterator[Message]], at: datetime) -> None:
    for first in range(0, ORDERS, AT_ONCE):
        await told_of(router, flow(range(first, first + AT_ONCE), at))


async def reached(told: Progress, part: float) -> None:
    """Waits until this part of the events is handled."""

    async def is_reached() -> bool:
        return await told.handled() >= part * ORDERS * len(TOPICS)

    await until(f"{part:.0%} of the events are handled", is_reached, patience=300)


async def turn_links(router: Router, links: Links, told: Progress) -> None:
    for turn in range(TURNS):
        await reached(told, turn / TURNS)
        await told_of(router, links.turned(turn))


async def come_and_go(router: Router, told: Progress) -> None:
    """Again and again a third member of the group is assigned partitions, handles nothing, and leaves."""
    for part in (0.1, 0.3, 0.5, 0.7, 0.9):
        await reached(told, part)
        async with AIOKafkaConsumer(
            *(router.prefix + topic for topic in TOPICS),
            bootstrap_servers=router.servers.bootstrap_servers,
            group_id=f"{router.prefix}order-router.orders",
            enable_auto_commit=False,
        ) as stranger:
            await until("it is assigned partitions", partial(assigned, stranger))


async def assigned(consumer: AIOKafkaConsumer) -> bool:
    return bool(consumer.assignment())


async def start_again(services: list[Service], told: Progress) -> None:
    """One router is killed and one stopped, and each is started again."""
    await reached(told, 0.2)
    assert services[0].pid is not None
    os.kill(services[0].pid, signal.SIGKILL)
    await started_again(services[0])
    await reached(told, 0.6)
    await started_again(services[1])


async def started_again(service: Service) -> None:
    await asyncio.to_thread(service.stop)
    service.launch()
    await asyncio.to_thread(service.wait_ready)


async def holders_by_rows(router: Router) -> dict[Key, Holder]:
    rows = await router.rows("SELECT shop_id, order_id, link_id, sequence FROM orders")
    return {(row["shop_id"], row["order_id"]): Holder(row["link_id"], row["sequence"]) for row in rows}


async def holders_by_api(router: Router, services: list[Service]) -> dict[Key, Holder]:
    """What the pages of all orders say, each page from the other router."""
    headers = router.tokens.headers(account_id("operator", 1), "operator")
    seen: dict[Key, Holder] = {}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as client:
        params: dict[str, Any] = {"limit": 200}
        while True:
            services = services[::-1]
            page = (await client.get(f"{services[0].url}/orders", params=params)).raise_for_status().json()
            for each in page["orders"]:
                assert (each["holder"] == "threepl") == (each["link_id"] is not None)
                key = each["shop_id"], each["order_id"]
                assert key not in seen
                seen[key] = Holder(each["link_id"], each["sequence"])
            if page["next_cursor"] is None:
                return seen
            params = {"limit": 200, "cursor": page["next_cursor"]}

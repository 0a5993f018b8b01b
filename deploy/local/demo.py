"""The demo: one shop, two 3PLs, some 260 orders through the whole of Orderdock, and every number checked."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from rich.console import Console
from rich.table import Column, Table

from deploy.local import demo_orders, publish
from deploy.local.demo_orders import JUNK, Wave
from deploy.local.errors import PlatformError
from deploy.local.jars import Say
from deploy.local.people import Account, endpoint_secret, make_account, make_link, make_operator
from deploy.local.platform import Platform
from deploy.local.receiver import Receiver
from shared.kafka.topics import ORDERS_CREATED, dead_letter

LOOPBACK_ALLOWED = {"ORDERDOCK_ALLOWED_NETWORKS": "127.0.0.0/8", "ORDERDOCK_ALLOW_HTTP": "true"}
ENVIRONMENT = {
    "integration": {**LOOPBACK_ALLOWED, "ORDERDOCK_SMTP_DEADLINE": "5"},
    "webhook-dispatcher": {
        **LOOPBACK_ALLOWED,
        "ORDERDOCK_RETRY_SCHEDULE": "1,1,2",
        # The second receiver refuses more webhooks in a row than one that works would.
        "ORDERDOCK_BREAKER_FAILURES": "1000",
    },
}
PATIENCE = 120.0
COLUMNS = (
    "",
    "orders in",
    "assigned",
    "shipped",
    "returned",
    "webhooks sent",
    "attempts",
    "verified",
    "dead letters",
)
SHIPPED = 20  # orders that the first 3PL ships before the shop deactivates their link
REFUSALS = 2  # how often the second receiver answers 503 to a webhook before it takes it


@dataclass(frozen=True)
class Check:
    """One number of the demo: what it is, what it must be, what it is."""

    what: str
    expected: int
    found: int

    @property
    def holds(self) -> bool:
        return self.expected == self.found


@dataclass(frozen=True)
class Side:
    """A 3PL of the demo with its link, its receiver and the orders meant for it."""

    threepl: Account
    link_id: str
    receiver: Receiver
    wave: Wave
    shipped: int
    returned: int = 0


async def run(say: Say) -> list[Check]:
    """Runs the demo on a platform of its own, prints its table, and answers what was checked."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="orderdock-demo-") as folder:
        async with (
            Receiver("North Fulfilment") as north,
            Receiver("South Logistics", refuse=REFUSALS) as south,
            Platform(Path(folder), environment=ENVIRONMENT, say=say) as platform,
        ):
            checks, table = await _play(platform, north, south, say)
    # Where no terminal says how wide it is, the table is as wide as it needs to be.
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    say(f"The demo took {time.monotonic() - began:.1f} s.")
    return checks


async def _play(platform: Platform, north: Receiver, south: Receiver, say: Say) -> tuple[list[Check], Table]:
    say("Making a shop and two 3PLs, and linking them …")
    operator = await make_operator(platform, "operator@example.com")
    shop = await make_account(platform, operator, "shop", "Teapot & Co", "shop@example.com")
    at = datetime.now(UTC) - timedelta(hours=1)
    waves = (demo_orders.wave(shop.id, range(1, 161), at), demo_orders.wave(shop.id, range(161, 261), at))
    first = await _side(platform, operator, shop, north, waves[0], 1, shipped=SHIPPED)
    # Comes second: as long as North's link is active it gets nothing; of one priority they would share.
    second = await _side(platform, operator, shop, south, waves[1], 2, shipped=0)
    await _play_wave(platform, first, say, junk=JUNK)
    say(f"{north.name} ships {SHIPPED} orders …")
    await _ship(first)
    await _until(f"{SHIPPED} shipped", lambda: _arrived(first, first.wave.webhooks + SHIPPED))
    say(f"The shop deactivates its link with {north.name}: open orders come back …")
    await shop.api.post("integration", f"/links/{first.link_id}/deactivate")
    first = replace(first, returned=waves[0].open - SHIPPED)
    await _until(f"{first.returned} returned", lambda: _arrived(first, _webhooks(first)))
    await _play_wave(platform, second, say)
    await _until("all deliveries settled", lambda: _settled((first, second)))
    return await _report(platform, operator, (first, second))


async def _side(
    platform: Platform,
    operator: Account,
    shop: Account,
    receiver: Receiver,
    wave: Wave,
    priority: int,
    *,
    shipped: int,
) -> Side:
    email = f"{receiver.name.split()[0].lower()}@example.com"
    threepl = await make_account(platform, operator, "threepl", receiver.name, email)
    link_id = await make_link(shop, threepl, priority, webhook_url=receiver.url, client_reference="TEAPOT")
    receiver.secret = await endpoint_secret(threepl, link_id)
    return Side(threepl, link_id, receiver, wave, shipped)


async def _play_wave(platform: Platform, side: Side, say: Say, junk: Sequence[bytes] = ()) -> None:
    """Publishes the wave's orders, and what happens to them once the first of it has arrived."""
    wave = side.wave
    say(f"Publishing {len(wave.kinds)} orders for {side.receiver.name} …")
    await _publish(platform, wave.first, junk)
    await _until(f"{wave.assigned} orders assigned", lambda: _arrived(side, wave.assigned))
    say(f"Publishing {len(wave.then)} updates, cancellations, duplicates and late creations …")
    await _publish(platform, wave.then)
    await _until(f"{wave.webhooks} webhooks", lambda: _arrived(side, wave.webhooks))


async def _ship(side: Side) -> None:
    """What is on its way stays with the 3PL when the link ends."""
    found = await side.threepl.api.get("order-router", "/orders", stage="open", limit=side.shipped)
    names = [{name: order[name] for name in ("shop_id", "order_id")} for order in found["orders"]]
    consignments = [
        {**each, "carrier": "Teapot Express", "tracking_number": each["order_id"]} for each in names
    ]
    done = await side.threepl.api.post("order-router", "/orders/ship", {"orders": consignments})
    if done["refused"]:
        raise PlatformError(f"{done['refused']} orders could not be shipped: {done['outcomes']}")


def _webhooks(side: Side) -> int:
    return side.wave.webhooks + side.shipped + side.returned


async def _publish(platform: Platform, events: Sequence[dict[str, Any]], junk: Sequence[bytes] = ()) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=platform.bootstrap_servers, acks="all")
    await producer.start()
    for event in events:
        await producer.send(publish.topic_of(event), demo_orders.value(event), key=publish.key_of(event))
    for value in junk:
        await producer.send(ORDERS_CREATED, value)
    await producer.stop()


async def _report(platform: Platform, operator: Account, sides: Sequence[Side]) -> tuple[list[Check], Table]:
    orders = [order async for order in operator.api.pages("order-router", "/orders")]
    letters = await _records(platform, dead_letter("order-router"))
    table = Table(*(Column(name, no_wrap=True) for name in COLUMNS))
    checks = [
        Check("orders in", sum(len(side.wave.kinds) for side in sides), len(orders)),
        Check("dead letters", len(JUNK), letters),
    ]
    for side in sides:
        numbers = await _numbers(side, orders)
        checks += numbers
        table.add_row(
            side.receiver.name, str(len(side.wave.kinds)), *(str(each.found) for each in numbers[:6]), ""
        )
    table.add_row("Teapot & Co, all", str(len(orders)), *[""] * 6, str(letters))
    return checks, table


async def _numbers(side: Side, orders: Sequence[dict[str, Any]]) -> list[Check]:
    receiver, wave, name = side.receiver, side.wave, side.receiver.name
    deliveries = [each async for each in side.threepl.api.pages("webhook-dispatcher", "/deliveries")]
    assigned = {each["data"]["id"] for each in receiver.accepted if each["type"] == "order.created"}
    returned = [each for each in receiver.accepted if each["assignment"]["holder"] == "shop"]
    held = sum(order["threepl_id"] == side.threepl.id for order in orders)
    webhooks = _webhooks(side)
    shipped = sum(order["stage"] == "shipped" and order["threepl_id"] == side.threepl.id for order in orders)
    checks = (
        ("assigned", wave.assigned, len(assigned)),
        ("shipped", side.shipped, shipped),
        ("returned", side.returned, len(returned)),
        ("webhooks sent", webhooks, sum(each["status"] == "delivered" for each in deliveries)),
        ("attempts", webhooks * (receiver.refuse + 1), sum(each["attempts"] for each in deliveries)),
        ("verified", webhooks, len(receiver.accepted)),
        ("not verified", 0, receiver.unverified),
        ("taken twice", 0, receiver.repeats),
        ("out of order", 0, len(receiver.out_of_order())),
        ("still held", wave.assigned - side.returned, held),
    )
    return [Check(f"{name}, {what}", expected, found) for what, expected, found in checks]


async def _arrived(side: Side, webhooks: int) -> bool:
    return len(side.receiver.accepted) >= webhooks


async def _settled(sides: Sequence[Side]) -> bool:
    """Whether the log has every delivery as finished; an answer is settled shortly after it was given."""
    for side in sides:
        async for delivery in side.threepl.api.pages("webhook-dispatcher", "/deliveries"):
            if delivery["status"] == "waiting":
                return False
    return True


async def _until(what: str, condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        if time.monotonic() > deadline:
            raise PlatformError(f"the demo waited {PATIENCE:.0f} s in vain for: {what}")
        await asyncio.sleep(0.1)


async def _records(platform: Platform, topic: str) -> int:
    """How many records a topic of one partition has taken."""
    consumer = AIOKafkaConsumer(bootstrap_servers=platform.bootstrap_servers)
    await consumer.start()
    try:
        place = TopicPartition(topic, 0)
        return int((await consumer.end_offsets([place]))[place])
    finally:
        await consumer.stop()

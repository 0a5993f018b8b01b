"""A shop and a 3PL of a test's own on the running platform, linked, with a receiver that verifies."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer

from deploy.local import publish, sample_orders
from deploy.local.people import Account, endpoint_secret, make_account, make_link, make_operator
from deploy.local.platform import Platform
from deploy.local.receiver import Receiver


@dataclass(frozen=True)
class Cast:
    """Who plays: the platform's services as each of them sees them."""

    platform: Platform
    operator: Account
    shop: Account
    threepl: Account
    link_id: str
    receiver: Receiver

    def orders(self, numbers: range, act: str = "created", **changes: Any) -> list[dict[str, Any]]:
        """Events of this shop's sample orders of these numbers."""
        at = datetime.now(UTC)
        return [
            sample_orders.event(
                number, self.shop.id, {**sample_orders.document(number, at), **changes}, act, at
            )
            for number in numbers
        ]

    async def publish(self, events: Sequence[dict[str, Any]], pause: float = 0) -> None:
        """Publishes the events, `pause` seconds after each ten; a broker that is away is waited for."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.platform.bootstrap_servers, acks="all", enable_idempotence=True
        )
        await producer.start()
        for place, event in enumerate(events):
            topic, value = publish.topic_of(event), json.dumps(event).encode()
            await producer.send(topic, value, key=publish.key_of(event))
            if place % 10 == 9:
                await asyncio.sleep(pause)
        await producer.stop()

    async def holders(self) -> dict[str, str]:
        """Who holds each of the shop's orders, by API."""
        orders = self.shop.api.pages("order-router", "/orders")
        return {order["order_id"]: order["holder"] async for order in orders}

    async def accepted(self) -> set[str]:
        """The orders of which the 3PL has taken `order.created`."""
        return {each["data"]["id"] for each in self.receiver.accepted if each["type"] == "order.created"}


@asynccontextmanager
async def cast(platform: Platform, refuse: int = 0) -> AsyncIterator[Cast]:
    """A new shop and a new 3PL, linked and active; the receiver answers 503 to the first `refuse` tries."""
    mark = uuid.uuid4().hex[:8]
    operator = await make_operator(platform, f"operator-{mark}@example.com")
    shop = await make_account(platform, operator, "shop", "Shop", f"shop-{mark}@example.com")
    threepl = await make_account(platform, operator, "threepl", "3PL", f"threepl-{mark}@example.com")
    async with Receiver("3PL", refuse=refuse) as receiver:
        link_id = await make_link(shop, threepl, 1, webhook_url=receiver.url, client_reference="C-1")
        receiver.secret = await endpoint_secret(threepl, link_id)
        try:
            yield Cast(platform, operator, shop, threepl, link_id, receiver)
        finally:
            for account in (operator, shop, threepl):
                await account.api.close()

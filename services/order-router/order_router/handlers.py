"""A message came: links are taken over, orders are claimed, decided, saved and announced."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from order_router.announcements import log_announcements, messages
from order_router.lifecycle import (
    Outcome,
    StoredOrder,
    Version,
    apply_event,
    bring_up,
    is_behind,
    version_of,
)
from order_router.sources import OrderEvent, translate
from order_router.store import links as link_store
from order_router.store import orders as order_store
from order_router.store.orders import Key
from shared import outbox
from shared.contracts import cloudevents, links
from shared.contracts.links import Link
from shared.contracts.orders import MAX_ORDER_BYTES
from shared.errors import UnreadableMessage
from shared.kafka.batches import Batch
from shared.kafka.records import Record

# An assignment event holds the order deeper than the order event did, a Shopify field one deeper still.
SPARE_DEPTH = 8


@dataclass(frozen=True)
class Arrival:
    """An order event with its version."""

    event: OrderEvent
    version: Version

    @property
    def key(self) -> Key:
        return self.event.order.shop, self.event.order.id


async def on_links(batch: Batch) -> None:
    """Takes over the links' latest states; what they mean for open orders follows from them."""
    await link_store.apply(batch.connection, batch.read(read_link))


@dataclass(frozen=True)
class OrderHandler:
    """Handles batches of order events; `assignments_topic` is where it announces."""

    assignments_topic: str
    route_max_age: timedelta

    async def on_orders(self, batch: Batch) -> None:
        """Claim, load, decide, save, announce."""
        arrivals = batch.read(read_arrival)
        if not arrivals:
            return
        connection, now = batch.connection, datetime.now(UTC)
        orders = await order_store.claim(connection, list({arrival.key for arrival in arrivals}))
        shops = await link_store.of_shops(connection, sorted({shop for shop, _ in orders}))
        orders |= await self._with_documents(batch, orders, shops)
        outcomes = decide_all(orders, shops, arrivals, now, self.route_max_age)
        await order_store.save(connection, [outcome.order for outcome in outcomes])
        announcements = [each for outcome in outcomes for each in outcome.announcements]
        await outbox.add(connection, messages(announcements, self.assignments_topic, now))
        batch.after_commit.append(lambda: log_announcements(announcements))

    async def _with_documents(
        self, batch: Batch, orders: Mapping[Key, StoredOrder], shops: Mapping[str, Mapping[str, Link]]
    ) -> dict[Key, StoredOrder]:
        """The orders that lag behind their link, with the documents their release will hold."""
        behind = [
            key for key, order in orders.items() if is_behind(order, _link(order, shops[order.shop_id]))
        ]
        if not behind:
            return {}
        documents = await order_store.documents(batch.connection, behind)
        return {key: replace(orders[key], document=documents[key]) for key in behind}


def decide_all(
    orders: Mapping[Key, StoredOrder],
    shops: Mapping[str, Mapping[str, Link]],
    arrivals: Iterable[Arrival],
    now: datetime,
    route_max_age: timedelta,
) -> list[Outcome]:
    """What becomes of each claimed order: first it follows its link, then its events apply in their order."""
    outcomes = {key: bring_up(order, _link(order, shops[order.shop_id])) for key, order in orders.items()}
    for arrival in arrivals:
        before = outcomes[arrival.key]
        links_of_shop = shops[arrival.event.order.shop]
        after = apply_event(before.order, arrival.event, arrival.version, links_of_shop, now, route_max_age)
        outcomes[arrival.key] = Outcome(after.order, before.announcements + after.announcements)
    return list(outcomes.values())


def read_link(record: Record) -> Link | None:
    """The link in a record of `links`, or None for a type of event that is not ours to know."""
    event = cloudevents.read(record.value, record.headers)
    return links.read(event) if event.type == links.LINK_CHANGED else None


def read_arrival(record: Record) -> Arrival | None:
    """The order event in a record, or None for a type of event that is no order's."""
    if len(record.value or b"") > MAX_ORDER_BYTES:
        raise UnreadableMessage(f"too large: an order event may hold at most {MAX_ORDER_BYTES} bytes")
    event = translate(cloudevents.read(record.value, record.headers, SPARE_DEPTH), record.timestamp)
    if event is None:
        return None
    return Arrival(event, version_of(event, record.topic, record.partition, record.offset))


def _link(order: StoredOrder, links_of_shop: Mapping[str, Link]) -> Link | None:
    return links_of_shop.get(order.holding.link_id) if order.holding else None

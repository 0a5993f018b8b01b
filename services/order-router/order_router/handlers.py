"""A message came: links are taken over, orders are claimed, decided, saved and announced."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from order_router.announcements import log_outcomes
from order_router.lifecycle import Circumstances, Shops, apply_event, bring_up, link_of, version_of
from order_router.orders import Outcome, StoredOrder, Version
from order_router.recording import record, utc_day
from order_router.routing import Counts, limited
from order_router.sources import OrderEvent, translate
from order_router.store import link_days
from order_router.store import links as link_store
from order_router.store import orders as order_store
from order_router.store.orders import Key
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
        counts = await link_days.hold(connection, limited(_routing(orders, shops)), utc_day(now))
        decided = decide_all(orders, shops, arrivals, counts, now, self.route_max_age)
        outcomes = await record(connection, orders, decided, self.assignments_topic, now)
        batch.after_commit.append(lambda: log_outcomes(outcomes))


def _routing(orders: Mapping[Key, StoredOrder], shops: Shops) -> list[Mapping[str, Link]]:
    """The links of the shops that have an order to route; others' counts need not be held."""
    return [shops[shop] for shop in {order.shop_id for order in orders.values() if not order.routed}]


def decide_all(
    orders: Mapping[Key, StoredOrder],
    shops: Shops,
    arrivals: Iterable[Arrival],
    counts: Counts,
    now: datetime,
    route_max_age: timedelta,
) -> list[Outcome]:
    """What becomes of each claimed order: first it follows its link, then its events apply in their order.

    Each first assignment counts for the orders after it.
    """
    outcomes = {key: bring_up(order, link_of(order, shops), now) for key, order in orders.items()}
    counted = dict(counts)
    for arrival in arrivals:
        before = outcomes[arrival.key]
        circumstances = Circumstances(shops[arrival.event.order.shop], counted, now, route_max_age)
        applied = partial(
            apply_event, event=arrival.event, version=arrival.version, circumstances=circumstances
        )
        after = before.then(applied)
        for link_id in after.order.assigned_links - before.order.assigned_links:
            counted[link_id] = counted.get(link_id, 0) + 1
        outcomes[arrival.key] = after
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

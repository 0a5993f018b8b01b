"""Orders as they are seen: each as it is once it has followed its link and the time (DESIGN 4.5, 4.8)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.lifecycle import bring_up
from order_router.orders import StoredOrder
from order_router.routing import Decision
from order_router.store.orders import Key, holding_of, requests_of
from shared.contracts.links import Link
from shared.contracts.shipments import Consignment

# An open order whose link has moved on is the shop's at once. As a subquery it leaves each plan as it is.
_GONE = """
    (orders.stage = 'open'
     AND orders.epoch < (SELECT links.epoch FROM links WHERE links.id = orders.link_id))
"""
HELD = f"(orders.link_id IS NOT NULL AND {_GONE} IS NOT TRUE)"
UNHELD = f"(orders.link_id IS NULL OR {_GONE})"
# The link of an order that lags behind it is read with it; of others it says nothing that isn't known.
_SEEN = """
    SELECT orders.shop_id, orders.order_id, orders.document, orders.number, orders.stage, orders.routable,
        orders.routed, {decision} AS decision, orders.link_id, orders.threepl_id, orders.epoch,
        orders.settings, orders.settings_version, orders.cancellation_requested_at,
        orders.take_over_requested_at, orders.consignment, orders.sequence, orders.created_at,
        CASE WHEN orders.stage = 'open' THEN
            (SELECT links.state FROM links WHERE links.id = orders.link_id
                AND (orders.epoch < links.epoch OR orders.settings_version < links.open_version)) END AS ahead
    FROM ({keys}) AS key JOIN orders ON orders.shop_id = key.shop_id AND orders.order_id = key.order_id
    ORDER BY orders.created_at DESC, orders.shop_id DESC, orders.order_id DESC
"""


@dataclass(frozen=True)
class SeenOrder:
    """An order with its document, as it is now, and when the router first heard of it."""

    order: StoredOrder
    created_at: datetime


def of_keys(keys: str, decision: str = "CAST(NULL AS text)") -> TextClause:
    """Reads the orders whose shop_id and order_id a query answers, newest first, for `seen`."""
    return text(_SEEN.format(keys=keys, decision=decision))


_ONE = of_keys(
    "SELECT CAST(:shop_id AS text) AS shop_id, CAST(:order_id AS text) AS order_id", "orders.decision"
)


async def one(connection: AsyncConnection, key: Key) -> SeenOrder | None:
    """One order, with its decision, whoever asks."""
    rows = await connection.execute(_ONE, {"shop_id": key[0], "order_id": key[1]})
    return next(iter(seen(rows)), None)


def seen(rows: Iterable[Any]) -> list[SeenOrder]:
    """The orders in the rows that `of_keys` reads, whether or not it is written yet how they are now."""
    now = datetime.now(UTC)
    links: dict[str, Link] = {}
    orders = []
    for row in rows:
        if row.ahead is not None and row.link_id not in links:
            links[row.link_id] = Link.model_validate_json(row.ahead)
        link = links[row.link_id] if row.ahead is not None else None
        orders.append(SeenOrder(bring_up(_order(row), link, now).order, row.created_at))
    return orders


def _order(row: Any) -> StoredOrder:
    return StoredOrder(
        shop_id=row.shop_id,
        order_id=row.order_id,
        document=row.document,
        number=row.number,
        stage=row.stage,
        routable=row.routable,
        routed=row.routed,
        decision=Decision.model_validate_json(row.decision) if row.decision else None,
        holding=holding_of(row),
        requests=requests_of(row),
        consignment=Consignment.model_validate_json(row.consignment) if row.consignment else None,
        sequence=row.sequence,
    )

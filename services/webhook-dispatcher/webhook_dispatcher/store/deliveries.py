"""Deliveries as events and links make and move them: one an event and link, in order per order."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from webhook_dispatcher.endpoints import endpoint_id
from webhook_dispatcher.webhooks import Delivery, OpenUrl

OrderKey = tuple[str, str, str]  # link id, shop id, order id

_ORDERS = """
    (SELECT DISTINCT link_id, shop_id, order_id
     FROM unnest(CAST(:link_ids AS text[]), CAST(:shop_ids AS text[]), CAST(:order_ids AS text[]))
        AS given (link_id, shop_id, order_id)) AS orders
"""
# Nothing that waits can end while it is held here, so that no delivery is put behind one that has just ended.
_HOLD_ORDERS = text(
    f"""
    SELECT count(*) FROM (
        SELECT FROM deliveries JOIN {_ORDERS} USING (link_id, shop_id, order_id)
        WHERE status = 'waiting' ORDER BY deliveries.id FOR SHARE OF deliveries
    ) AS held
    """
)
_ADD = text(
    """
    INSERT INTO deliveries (webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence, type,
                            event_time, settings_version, body, status, behind, settled_at)
    SELECT webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence, type,
           event_time, settings_version, body,
           CASE WHEN endpoint_id IS NULL THEN 'withdrawn' ELSE 'waiting' END,
           EXISTS (
               SELECT FROM deliveries AS earlier
               WHERE earlier.link_id = new.link_id AND earlier.shop_id = new.shop_id
                 AND earlier.order_id = new.order_id AND earlier.status = 'waiting'
           ) OR row_number() OVER (
               PARTITION BY link_id, shop_id, order_id, endpoint_id IS NULL ORDER BY place
           ) > 1,
           CASE WHEN endpoint_id IS NULL THEN now() END
    FROM unnest(CAST(:webhook_ids AS text[]), CAST(:endpoint_ids AS text[]), CAST(:link_ids AS text[]),
                CAST(:threepl_ids AS text[]), CAST(:shop_ids AS text[]), CAST(:order_ids AS text[]),
                CAST(:sequences AS bigint[]), CAST(:types AS text[]), CAST(:times AS timestamptz[]),
                CAST(:settings_versions AS bigint[]), CAST(:bodies AS bytea[]))
        WITH ORDINALITY AS new (webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence,
                                type, event_time, settings_version, body, place)
    WHERE NOT EXISTS (SELECT FROM deliveries AS same WHERE same.webhook_id = new.webhook_id)
    ORDER BY place
    ON CONFLICT (webhook_id) DO NOTHING
    """
)
_HOLD_LINKS = text(
    """
    SELECT count(*) FROM (
        SELECT FROM deliveries WHERE link_id = ANY(:link_ids) AND status = 'waiting'
        ORDER BY id FOR UPDATE
    ) AS held
    """
)
# What is in flight is only marked: its settling moves it, unless it was delivered.
_REPOINT = text(
    """
    UPDATE deliveries SET
        endpoint_id = target.endpoint_id,
        failures = 0,
        moved = lease IS NOT NULL,
        next_at = CASE WHEN lease IS NULL THEN now() ELSE next_at END,
        status = CASE WHEN lease IS NULL AND target.endpoint_id IS NULL THEN 'withdrawn' ELSE status END,
        settled_at = CASE WHEN lease IS NULL AND target.endpoint_id IS NULL THEN now() ELSE settled_at END
    FROM unnest(CAST(:link_ids AS text[]), CAST(:endpoint_ids AS text[]), CAST(:versions AS bigint[]))
        AS target (link_id, endpoint_id, version)
    WHERE deliveries.link_id = target.link_id AND deliveries.link_id = ANY(:link_ids)
      AND deliveries.status = 'waiting'
      AND deliveries.settings_version < target.version
      AND deliveries.endpoint_id IS DISTINCT FROM target.endpoint_id
    RETURNING deliveries.link_id, deliveries.shop_id, deliveries.order_id, deliveries.status
    """
)
_ADVANCE = text(
    f"""
    UPDATE deliveries SET behind = false
    FROM (
        SELECT DISTINCT ON (link_id, shop_id, order_id) deliveries.id
        FROM deliveries JOIN {_ORDERS} USING (link_id, shop_id, order_id)
        WHERE status = 'waiting' ORDER BY link_id, shop_id, order_id, deliveries.id
    ) AS first
    WHERE deliveries.id = first.id AND deliveries.status = 'waiting' AND deliveries.behind
    """
)


async def add(connection: AsyncConnection, deliveries: Iterable[Delivery]) -> None:
    """Puts the deliveries that are not there yet into the queue, each behind the earlier ones of its order.

    Their links are shared by the caller, their endpoints are there.
    """
    new = list({each.webhook_id: each for each in deliveries}.values())
    if not new:
        return
    assignments = [each.event.assignment for each in new]
    orders = {(each.link_id, each.shop_id, each.order_id) for each in assignments}
    await connection.execute(_HOLD_ORDERS, _columns(orders))
    columns = {
        "webhook_ids": [each.webhook_id for each in new],
        "endpoint_ids": [each.endpoint_id for each in new],
        "link_ids": [each.link_id for each in assignments],
        "threepl_ids": [each.threepl_id for each in assignments],
        "shop_ids": [each.shop_id for each in assignments],
        "order_ids": [each.order_id for each in assignments],
        "sequences": [each.sequence for each in assignments],
        "types": [each.event.type for each in new],
        "times": [each.event.time for each in new],
        "settings_versions": [each.settings_version for each in assignments],
        "bodies": [each.body for each in new],
    }
    await connection.execute(_ADD, columns)


async def repoint(connection: AsyncConnection, open_urls: Mapping[str, OpenUrl]) -> None:
    """Moves the waiting deliveries of claimed links to their URL for open orders (DESIGN 5.3)."""
    if not open_urls:
        return
    await connection.execute(_HOLD_LINKS, {"link_ids": list(open_urls)})
    columns = {
        "link_ids": list(open_urls),
        "endpoint_ids": [_target(link_id, each) for link_id, each in open_urls.items()],
        "versions": [each.version for each in open_urls.values()],
    }
    rows = await connection.execute(_REPOINT, columns)
    await advance(connection, ended_orders(rows))


async def advance(connection: AsyncConnection, orders: Collection[OrderKey]) -> bool:
    """Lets the first waiting delivery of each order go; answers whether one had waited for that.

    A statement of its own: it must see what was added while the caller waited for its rows.
    """
    if not orders:
        return False
    result = await connection.execute(_ADVANCE, _columns(orders))
    return result.rowcount > 0


def ended_orders(rows: Iterable[Any]) -> set[OrderKey]:
    """The orders of those deliveries that wait no longer."""
    return {(row.link_id, row.shop_id, row.order_id) for row in rows if row.status != "waiting"}


def _target(link_id: str, open_url: OpenUrl) -> str | None:
    return None if open_url.url is None else endpoint_id(link_id, open_url.url)


def _columns(orders: Collection[OrderKey]) -> dict[str, Sequence[str]]:
    ordered = sorted(orders)
    return {
        "link_ids": [link_id for link_id, _, _ in ordered],
        "shop_ids": [shop_id for _, shop_id, _ in ordered],
        "order_ids": [order_id for _, _, order_id in ordered],
    }

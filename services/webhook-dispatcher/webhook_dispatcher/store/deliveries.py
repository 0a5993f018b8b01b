"""Deliveries as events and links make and move them: one an event and link, in order per order."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from webhook_dispatcher.endpoints import endpoint_id
from webhook_dispatcher.store.columns import DELIVERY
from webhook_dispatcher.store.wakes import wake
from webhook_dispatcher.webhooks import Delivery, OpenUrl

_ORDERS = """
    (SELECT DISTINCT link_id, shop_id, order_id
     FROM unnest(CAST(:link_ids AS text[]), CAST(:shop_ids AS text[]), CAST(:order_ids AS text[]))
        AS given (link_id, shop_id, order_id)) AS orders
"""


def _of_each_order(order: str) -> str:
    return f"""
        SELECT of_order.id FROM {_ORDERS} CROSS JOIN LATERAL (
            SELECT id FROM deliveries
            WHERE deliveries.link_id = orders.link_id AND deliveries.shop_id = orders.shop_id
              AND deliveries.order_id = orders.order_id AND NOT resent
            ORDER BY id {order} LIMIT 1
        ) AS of_order
    """


# Each order's first waiting delivery is held too: who settles it asks for the next one afterwards.
_HOLD_ORDERS = text(
    f"""
    SELECT count(*) FROM (
        SELECT FROM deliveries
        WHERE id = ANY(ARRAY({_of_each_order("")} UNION ALL {_of_each_order("DESC")}))
        ORDER BY id FOR UPDATE
    ) AS held
    """
)
# The last one is told that another follows. Who adds an order's deliveries does it alone: it holds the offset
# of their one partition.
_FOLLOW = text(
    f"""
    UPDATE deliveries SET followed = true
    WHERE NOT followed AND id = ANY(ARRAY({_of_each_order("DESC")}))
    """
)
_NEW = """
    SELECT webhook_id, day, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence, type, event_time,
           settings_version, body, place
    FROM unnest(CAST(:webhook_ids AS text[]), CAST(:days AS date[]), CAST(:endpoint_ids AS text[]),
                CAST(:link_ids AS text[]), CAST(:threepl_ids AS text[]), CAST(:shop_ids AS text[]),
                CAST(:order_ids AS text[]), CAST(:sequences AS bigint[]), CAST(:types AS text[]),
                CAST(:times AS timestamptz[]), CAST(:settings_versions AS bigint[]), CAST(:bodies AS bytea[]))
        WITH ORDINALITY AS given (webhook_id, day, endpoint_id, link_id, threepl_id, shop_id, order_id,
                                  sequence, type, event_time, settings_version, body, place)
    WHERE NOT EXISTS (SELECT FROM deliveries AS same WHERE same.webhook_id = given.webhook_id OFFSET 0)
      AND NOT EXISTS (SELECT FROM finished AS same
                      WHERE same.webhook_id = given.webhook_id AND same.day = given.day OFFSET 0)
"""
_ADD = text(
    f"""
    INSERT INTO deliveries (webhook_id, day, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence,
                            type, event_time, settings_version, body, behind, followed)
    SELECT webhook_id, day, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence, type, event_time,
           settings_version, body,
           row_number() OVER in_turn > 1 OR EXISTS (
               SELECT FROM deliveries AS earlier
               WHERE earlier.link_id = new.link_id AND earlier.shop_id = new.shop_id
                 AND earlier.order_id = new.order_id AND NOT earlier.resent
               OFFSET 0
           ),
           lead(place) OVER in_turn IS NOT NULL
    FROM ({_NEW}) AS new WHERE endpoint_id IS NOT NULL
    WINDOW in_turn AS (PARTITION BY link_id, shop_id, order_id ORDER BY place)
    ORDER BY place
    ON CONFLICT (webhook_id) DO NOTHING
    RETURNING endpoint_id, behind
    """
)
_ADD_WITHDRAWN = text(
    f"""
    INSERT INTO finished ({DELIVERY}, status, attempts, failures, created_at)
    SELECT day, nextval(pg_get_serial_sequence('deliveries', 'id')), webhook_id, link_id, threepl_id, shop_id,
           order_id, sequence, type, event_time, settings_version, body, 'withdrawn', 0, 0, now()
    FROM ({_NEW}) AS new
    """
)
_HOLD_LINKS = text(
    """
    SELECT count(*) FROM (
        SELECT FROM deliveries WHERE link_id = ANY(:link_ids) ORDER BY id FOR UPDATE
    ) AS held
    """
)
_TARGETS = """
    unnest(CAST(:link_ids AS text[]), CAST(:endpoint_ids AS text[]), CAST(:versions AS bigint[]))
        AS target (link_id, endpoint_id, version)
"""
_CONCERNED = """
    deliveries.link_id = target.link_id AND deliveries.settings_version < target.version
    AND deliveries.endpoint_id IS DISTINCT FROM target.endpoint_id
"""
# What is in flight is only marked: its settling moves it, unless it was delivered.
_REPOINT = text(
    f"""
    UPDATE deliveries SET
        endpoint_id = target.endpoint_id,
        failures = 0,
        moved = lease IS NOT NULL,
        next_at = now()
    FROM {_TARGETS}
    WHERE {_CONCERNED} AND (target.endpoint_id IS NOT NULL OR lease IS NOT NULL)
    """
)
_WITHDRAW = text(
    f"""
    WITH ended AS (
        DELETE FROM deliveries USING {_TARGETS}
        WHERE {_CONCERNED} AND target.endpoint_id IS NULL AND lease IS NULL
        RETURNING deliveries.*
    ), logged AS (
        INSERT INTO finished ({DELIVERY}, status, attempts, failures, created_at)
        SELECT {DELIVERY}, 'withdrawn', attempts, 0, created_at FROM ended
    )
    SELECT DISTINCT link_id, shop_id, order_id FROM ended WHERE NOT resent
    """
)
_ADVANCE = text(
    f"""
    UPDATE deliveries SET behind = false
    WHERE behind AND id = ANY(ARRAY({_of_each_order("")}))
    RETURNING endpoint_id
    """
)


async def add(connection: AsyncConnection, deliveries: Iterable[Delivery]) -> None:
    """Puts the deliveries that are not there yet into the queue, each behind the earlier ones of its order.

    Their links are shared by the caller, their endpoints are there.
    """
    new = list({each.webhook_id: each for each in deliveries}.values())
    sent = [each for each in new if each.url is not None]
    if sent:
        assignments = [each.event.assignment for each in sent]
        orders = {(each.link_id, each.shop_id, each.order_id) for each in assignments}
        await connection.execute(_HOLD_ORDERS, _columns(orders))
        await connection.execute(_FOLLOW, _columns(orders))
        rows = await connection.execute(_ADD, _new_columns(sent))
        await wake(connection, {row.endpoint_id for row in rows if not row.behind})
    withdrawn = [each for each in new if each.url is None]
    if withdrawn:
        await connection.execute(_ADD_WITHDRAWN, _new_columns(withdrawn))


async def repoint(connection: AsyncConnection, open_urls: Mapping[str, OpenUrl]) -> None:
    """Moves the waiting deliveries of claimed links to their URL for open orders (DESIGN 5.3)."""
    if not open_urls:
        return
    await connection.execute(_HOLD_LINKS, {"link_ids": list(open_urls)})
    targets = {link_id: _target(link_id, each) for link_id, each in open_urls.items()}
    columns = {
        "link_ids": list(open_urls),
        "endpoint_ids": list(targets.values()),
        "versions": [each.version for each in open_urls.values()],
    }
    ended = {tuple(row) for row in await connection.execute(_WITHDRAW, columns)}
    await connection.execute(_REPOINT, columns)
    await advance(connection, ended)
    await wake(connection, {each for each in targets.values() if each is not None})


async def advance(connection: AsyncConnection, orders: Collection[Any]) -> None:
    """Lets the first waiting delivery of each order go; orders are (link id, shop id, order id).

    A statement of its own: it must see what was added while the caller waited for its rows.
    """
    if orders:
        rows = await connection.execute(_ADVANCE, _columns(orders))
        await wake(connection, {row.endpoint_id for row in rows if row.endpoint_id is not None})


def _new_columns(new: Sequence[Delivery]) -> dict[str, list[Any]]:
    assignments = [each.event.assignment for each in new]
    return {
        "webhook_ids": [each.webhook_id for each in new],
        "days": [each.event.time.astimezone(UTC).date() for each in new],
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


def _target(link_id: str, open_url: OpenUrl) -> str | None:
    return None if open_url.url is None else endpoint_id(link_id, open_url.url)


def _columns(orders: Collection[Any]) -> dict[str, Sequence[str]]:
    ordered = sorted(orders)
    return {
        "link_ids": [link_id for link_id, _, _ in ordered],
        "shop_ids": [shop_id for _, shop_id, _ in ordered],
        "order_ids": [order_id for _, _, order_id in ordered],
    }

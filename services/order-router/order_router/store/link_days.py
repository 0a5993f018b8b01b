"""How many orders were first assigned under each link on a UTC day (DESIGN 3, `daily_limit`)."""

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_IDS = "unnest(CAST(:ids AS text[]))"
_HOLD = text(
    f"""
    INSERT INTO link_days (link_id, day, orders)
    SELECT id, CAST(:day AS date), 0 FROM {_IDS} AS link (id) ORDER BY id
    ON CONFLICT (link_id, day) DO UPDATE SET orders = link_days.orders
    RETURNING link_id, orders
    """
)
_COUNT = text(
    """
    INSERT INTO link_days (link_id, day, orders)
    SELECT id, CAST(:day AS date), orders
    FROM unnest(CAST(:ids AS text[]), CAST(:orders AS bigint[])) AS link (id, orders) ORDER BY id
    ON CONFLICT (link_id, day) DO UPDATE SET orders = link_days.orders + excluded.orders
    """
)
_FORGET = text("DELETE FROM link_days WHERE day < :day")


async def hold(connection: AsyncConnection, link_ids: Iterable[str], day: date) -> dict[str, int]:
    """The day's counts of these links, held until the transaction ends: nobody counts meanwhile."""
    ids = sorted(link_ids)
    if not ids:
        return {}
    rows = await connection.execute(_HOLD, {"ids": ids, "day": day})
    return {row.link_id: row.orders for row in rows}


async def count(connection: AsyncConnection, orders: Mapping[str, int], day: date) -> None:
    """Adds to the day's counts.

    A transaction holds the counts of links with a limit before it decides, and counts those without
    one after: whoever holds two links `FOR SHARE` sees the same limits, so all take these locks in one order.
    """
    if orders:
        ids = sorted(orders)
        values = {"ids": ids, "orders": [orders[link_id] for link_id in ids], "day": day}
        await connection.execute(_COUNT, values)


async def forget(connection: AsyncConnection, before: date) -> None:
    """Deletes the counts of days that are over."""
    await connection.execute(_FORGET, {"day": before})

"""An order's history, read page by page, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.orders import Actor, Line
from order_router.store.orders import Key

NEWEST: Final = 2**63 - 1


@dataclass(frozen=True)
class Written:
    """A line of an order's history as it was written."""

    id: int
    at: datetime
    line: Line


_PAGE = text(
    """
    SELECT id, at, act, stage, link_id, sequence, detail, account, subject FROM order_history
    WHERE shop_id = :shop_id AND order_id = :order_id AND id < :before
        AND (CAST(:link_id AS text) IS NULL OR link_id = :link_id)
    ORDER BY id DESC LIMIT :limit
    """
)
_ROUTED_AT = text(
    "SELECT min(at) FROM order_history WHERE shop_id = :shop_id AND order_id = :order_id AND act = 'routed'"
)


async def page(
    connection: AsyncConnection, key: Key, link_id: str | None, before: int, limit: int
) -> Sequence[Written]:
    """At most `limit` lines below an id, those of one link; None: all."""
    values = {"shop_id": key[0], "order_id": key[1], "link_id": link_id, "before": before, "limit": limit}
    return [_written(row) for row in await connection.execute(_PAGE, values)]


async def routed_at(connection: AsyncConnection, key: Key) -> datetime | None:
    """When the router decided on an order; None: not yet, or before there was a history."""
    values = {"shop_id": key[0], "order_id": key[1]}
    at: datetime | None = (await connection.execute(_ROUTED_AT, values)).scalar_one()
    return at


def _written(row: Any) -> Written:
    actor = Actor(row.account, row.subject) if row.account else None
    return Written(row.id, row.at, Line(row.act, row.stage, row.link_id, row.sequence, row.detail, actor))

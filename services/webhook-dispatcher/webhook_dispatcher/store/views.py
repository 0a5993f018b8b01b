"""Endpoints and deliveries as they are seen: a 3PL sees its own, of the shops in its token; operators all."""

from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.callers import Caller

Row = dict[str, Any]

_ENDPOINTS = """
    SELECT endpoints.id, link_id, shop_id, threepl_id, url, disabled_at IS NULL AS enabled, disabled_at,
           disabled_reason, created_at
    FROM endpoints JOIN links ON links.id = endpoints.link_id
"""
_DELIVERIES = """
    SELECT deliveries.id AS place, webhook_id AS id, endpoint_id, url, deliveries.link_id, threepl_id,
           shop_id, order_id, sequence, type, status, attempts, failures, lease IS NOT NULL AS in_flight,
           status = 'waiting' AND behind AS behind,
           CASE WHEN status = 'waiting' AND NOT behind AND lease IS NULL AND next_at < 'infinity'
                THEN next_at END AS next_attempt_at,
           deliveries.created_at, CASE WHEN status <> 'waiting' THEN settled_at END AS finished_at
    FROM deliveries LEFT JOIN endpoints ON endpoints.id = deliveries.endpoint_id
"""


def _own(owner: str) -> str:
    return (
        f"{owner}.threepl_id = :account"
        f" AND (CAST(:clients AS text[]) IS NULL OR {owner}.shop_id = ANY(:clients))"
    )


def _by_kind(select: str, owner: str, condition: str) -> dict[str, TextClause]:
    """The query for each kind of account that may see anything here; each can use the owner's index."""
    return {
        "operator": text(f"{select} WHERE {condition}"),
        "threepl": text(f"{select} WHERE {_own(owner)} AND {condition}"),
    }


_ENDPOINTS_PAGE = _by_kind(
    _ENDPOINTS,
    "links",
    """(CAST(:link_id AS text) IS NULL OR link_id = :link_id)
       AND (CAST(:after AS text) IS NULL OR endpoints.id > :after)
       ORDER BY endpoints.id LIMIT :limit""",
)
_ENDPOINT = _by_kind(_ENDPOINTS, "links", "endpoints.id = :id")
_DELIVERIES_PAGE = _by_kind(
    _DELIVERIES,
    "deliveries",
    """(CAST(:before AS bigint) IS NULL OR deliveries.id < :before)
       AND (CAST(:status AS text) IS NULL OR status = :status)
       AND (CAST(:link_id AS text) IS NULL OR deliveries.link_id = :link_id)
       AND (CAST(:shop_id AS text) IS NULL OR shop_id = :shop_id)
       AND (CAST(:order_id AS text) IS NULL OR order_id = :order_id)
       ORDER BY deliveries.id DESC LIMIT :limit""",
)
_DELIVERY = _by_kind(_DELIVERIES, "deliveries", "webhook_id = :id")
_ATTEMPTS = text(
    """
    SELECT number, endpoint_id, url, started_at, duration_ms, outcome, status, error, answer
    FROM attempts JOIN endpoints ON endpoints.id = attempts.endpoint_id
    WHERE delivery_id = :place ORDER BY number
    """
)


async def endpoints(
    connection: AsyncConnection, who: Caller, *, link_id: str | None, after: str | None, limit: int
) -> list[Row]:
    """Endpoints in the order of their ids, after one of them."""
    values = {"link_id": link_id, "after": after, "limit": limit}
    return await _rows(connection, _ENDPOINTS_PAGE, who, values)


async def endpoint(connection: AsyncConnection, who: Caller, endpoint_id: str) -> Row | None:
    """One endpoint, if the caller may see it."""
    return _only(await _rows(connection, _ENDPOINT, who, {"id": endpoint_id}))


async def deliveries(
    connection: AsyncConnection,
    who: Caller,
    filters: dict[str, str | None],
    *,
    before: int | None,
    limit: int,
) -> list[Row]:
    """Deliveries, the newest first, before a place; `filters` are status, link_id, shop_id and order_id."""
    return await _rows(connection, _DELIVERIES_PAGE, who, {**filters, "before": before, "limit": limit})


async def delivery(connection: AsyncConnection, who: Caller, webhook_id: str) -> Row | None:
    """One delivery with its attempts, if the caller may see it."""
    row = _only(await _rows(connection, _DELIVERY, who, {"id": webhook_id}))
    if row is None:
        return None
    made = await connection.execute(_ATTEMPTS, {"place": row["place"]})
    return {**row, "made": [dict(each) for each in made.mappings()]}


async def _rows(
    connection: AsyncConnection, queries: dict[str, TextClause], who: Caller, values: dict[str, Any]
) -> list[Row]:
    if who.kind not in queries:
        return []
    if who.kind == "threepl":
        clients = None if who.clients is None else sorted(who.clients)
        values = {**values, "account": who.account, "clients": clients}
    rows = await connection.execute(queries[who.kind], values)
    return [dict(row) for row in rows.mappings()]


def _only(rows: list[Row]) -> Row | None:
    return rows[0] if rows else None

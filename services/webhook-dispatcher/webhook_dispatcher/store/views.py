"""Endpoints and single deliveries: a 3PL sees its own, of the shops in its token, an operator all."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.callers import Caller
from webhook_dispatcher.store.seen_deliveries import LOGGED_WHOLE, QUEUED_WHOLE, whole

Row = dict[str, Any]

_ENDPOINTS = """
    SELECT endpoints.id, link_id, shop_id, threepl_id, url, disabled_at IS NULL AS enabled, disabled_at,
           disabled_reason, failing_since, breaker, breaker_until, concurrency, rate, retry_schedule,
           created_at
    FROM endpoints JOIN links ON links.id = endpoints.link_id
"""
_OWN = "threepl_id = :account AND (CAST(:clients AS text[]) IS NULL OR shop_id = ANY(:clients))"


def _by_kind(query: str, made: Callable[[str], TextClause] = text) -> dict[str, TextClause]:
    """The query for each kind of account that may see anything here; its `[own]` is what a 3PL may see."""
    return {"operator": made(query.replace("[own]", "true")), "threepl": made(query.replace("[own]", _OWN))}


_ENDPOINTS_PAGE = _by_kind(
    f"""
    {_ENDPOINTS} WHERE [own]
        AND (CAST(:link_id AS text) IS NULL OR link_id = :link_id)
        AND (CAST(:shop_id AS text) IS NULL OR shop_id = :shop_id)
        AND (CAST(:enabled AS boolean) IS NULL OR (disabled_at IS NULL) = :enabled)
        AND (CAST(:failing AS boolean) IS NULL OR (failing_since IS NOT NULL) = :failing)
        AND (CAST(:after AS text) IS NULL OR endpoints.id > :after)
    ORDER BY endpoints.id LIMIT :limit
    """
)
_ENDPOINT = _by_kind(f"{_ENDPOINTS} WHERE [own] AND endpoints.id = :id")
_DELIVERY = _by_kind(
    f"""
    SELECT {QUEUED_WHOLE} FROM deliveries WHERE [own] AND webhook_id = :id
    UNION ALL SELECT {LOGGED_WHOLE} FROM finished WHERE [own] AND webhook_id = :id
    """,
    whole,
)
_ATTEMPTS = text(
    """
    SELECT number, endpoint_id, url, started_at, duration_ms, outcome, status, error, answer
    FROM attempts JOIN endpoints ON endpoints.id = attempts.endpoint_id
    WHERE delivery_id = :place AND day = :day AND number <= :last ORDER BY number
    """
)


async def endpoints(
    connection: AsyncConnection, who: Caller, filters: Row, *, after: str | None, limit: int
) -> list[Row]:
    """Endpoints in the order of their ids, after one; `filters` are link_id, shop_id, enabled and failing."""
    return await _rows(connection, _ENDPOINTS_PAGE, who, {**filters, "after": after, "limit": limit})


async def endpoint(connection: AsyncConnection, who: Caller, endpoint_id: str) -> Row | None:
    """One endpoint, if the caller may see it."""
    return _only(await _rows(connection, _ENDPOINT, who, {"id": endpoint_id}))


async def delivery(connection: AsyncConnection, who: Caller, webhook_id: str) -> Row | None:
    """One delivery with its body and its attempts, if the caller may see it."""
    row = _only(await _rows(connection, _DELIVERY, who, {"id": webhook_id}))
    if row is None:
        return None
    # One that is resent meanwhile has its last attempt in both places: from each comes what only that knows.
    last = _last_attempt(row)
    earlier = {"place": row["place"], "day": row["day"], "last": row["attempts"] - len(last)}
    made = await connection.execute(_ATTEMPTS, earlier)
    return {**row, "made": [*map(dict, made.mappings()), *last]}


def _last_attempt(row: Row) -> list[Row]:
    """The attempt that ended a delivery, if one did."""
    if row["outcome"] is None:
        return []
    same = ("endpoint_id", "url", "started_at", "duration_ms", "outcome", "error", "answer")
    return [{"number": row["attempts"], "status": row["answer_status"], **{name: row[name] for name in same}}]


async def _rows(
    connection: AsyncConnection, queries: dict[str, TextClause], who: Caller, values: Row
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

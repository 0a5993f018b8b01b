"""Endpoints: one URL of one link each, with its secret; made once, never removed."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.encryption import Sealed
from webhook_dispatcher.endpoints import Endpoint, endpoint_id
from webhook_dispatcher.gates import CLOSED, Breaker, Pace
from webhook_dispatcher.store.columns import FREE
from webhook_dispatcher.store.wakes import wake
from webhook_dispatcher.turns import Look

MOST_IN_FLIGHT = 1000  # to one endpoint

_KNOWN = text("SELECT id FROM endpoints WHERE id = ANY(:ids)")
_MAKE = text(
    """
    INSERT INTO endpoints (id, link_id, url, secret, key_id)
    SELECT id, link_id, url, secret, key_id
    FROM unnest(CAST(:ids AS text[]), CAST(:link_ids AS text[]), CAST(:urls AS text[]),
                CAST(:secrets AS bytea[]), CAST(:key_ids AS text[]))
        AS endpoint (id, link_id, url, secret, key_id)
    ORDER BY id
    ON CONFLICT (id) DO NOTHING
    """
)
_HOLD = text(
    """
    SELECT endpoints.id, link_id, url, threepl_id, enablings, failing_since, warned_at,
           CASE WHEN disabled_at IS NOT NULL THEN coalesce(disabled_reason, '') END AS disabled_reason
    FROM endpoints JOIN links ON links.id = endpoints.link_id
    WHERE endpoints.id = ANY(:ids) ORDER BY endpoints.id FOR UPDATE OF endpoints
    """
)
_SAVE = text(
    """
    UPDATE endpoints SET
        failing_since = changed.failing_since,
        warned_at = changed.warned_at,
        disabled_at = CASE WHEN changed.disabled_reason IS NOT NULL THEN coalesce(disabled_at, now()) END,
        disabled_reason = changed.disabled_reason
    FROM unnest(CAST(:ids AS text[]), CAST(:reasons AS text[]), CAST(:failing AS timestamptz[]),
                CAST(:warned AS timestamptz[])) AS changed (id, disabled_reason, failing_since, warned_at)
    WHERE endpoints.id = changed.id
    """
)
_ENABLE = text(
    """
    UPDATE endpoints SET disabled_at = NULL, disabled_reason = NULL, enablings = enablings + 1,
                         failing_since = NULL, warned_at = NULL, breaker = 'closed', breaker_until = NULL
    WHERE id = :id
    """
)
_DUE = text(
    """
    UPDATE deliveries SET next_at = now() WHERE id IN (
        SELECT id FROM deliveries WHERE endpoint_id = :id AND NOT behind AND next_at > now()
        ORDER BY id FOR UPDATE
    )
    """
)
# What is in flight is due when its lease ends; a disabled endpoint has nothing due.
_LOOK = text(
    f"""
    SELECT id, enablings, coalesce(concurrency, CAST(:concurrency AS integer)) AS concurrency,
           coalesce(rate, CAST(:rate AS double precision)) AS rate, breaker = 'open' AS open,
           extract(epoch FROM breaker_until - now())::float AS open_for,
           extract(epoch FROM least(
               (SELECT next_at FROM deliveries
                WHERE endpoint_id = endpoints.id AND NOT behind AND {FREE} ORDER BY next_at LIMIT 1),
               (SELECT min(greatest(next_at, leased_until))
                FROM (SELECT * FROM deliveries WHERE endpoint_id = endpoints.id AND NOT behind
                      ORDER BY next_at LIMIT :most) AS first WHERE NOT {FREE})
           ) - now())::float AS due_in
    FROM endpoints WHERE id = ANY(:ids) AND disabled_at IS NULL
    """
)
_SAVE_BREAKERS = text(
    """
    UPDATE endpoints SET breaker = changed.state, breaker_until = to_timestamp(changed.until)
    FROM (SELECT endpoints.id, state, until FROM endpoints
          JOIN unnest(CAST(:ids AS text[]), CAST(:states AS text[]), CAST(:until AS double precision[]))
              AS given (id, state, until) ON given.id = endpoints.id
          ORDER BY endpoints.id FOR UPDATE OF endpoints) AS changed
    WHERE endpoints.id = changed.id
    """
)


async def make(
    connection: AsyncConnection, wanted: Collection[tuple[str, str]], new_secret: Callable[[], Sealed]
) -> None:
    """Makes the endpoints of (link id, URL) that are not there yet, each with an encrypted secret."""
    ids = {endpoint_id(link_id, url): (link_id, url) for link_id, url in wanted}
    if not ids:
        return
    known = {row.id for row in await connection.execute(_KNOWN, {"ids": list(ids)})}
    missing = {each: ids[each] for each in ids if each not in known}
    if missing:
        secrets = [new_secret() for _ in missing]
        columns = {
            "ids": list(missing),
            "link_ids": [link_id for link_id, _ in missing.values()],
            "urls": [url for _, url in missing.values()],
            "secrets": [each.token for each in secrets],
            "key_ids": [each.key_id for each in secrets],
        }
        await connection.execute(_MAKE, columns)


async def claim(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Endpoint]:
    """The endpoints, held until the transaction ends."""
    if not ids:
        return {}
    rows = await connection.execute(_HOLD, {"ids": list(ids)})
    return {row["id"]: Endpoint(**row) for row in rows.mappings()}


async def save(connection: AsyncConnection, endpoints: Collection[Endpoint]) -> None:
    """Takes over what became of claimed endpoints; the deliveries of a disabled one wait."""
    if not endpoints:
        return
    columns = {
        "ids": [each.id for each in endpoints],
        "reasons": [each.disabled_reason for each in endpoints],
        "failing": [each.failing_since for each in endpoints],
        "warned": [each.warned_at for each in endpoints],
    }
    await connection.execute(_SAVE, columns)


async def enable(connection: AsyncConnection, endpoint: Endpoint) -> None:
    """Enables a claimed endpoint; what waited for that is due now."""
    await connection.execute(_ENABLE, {"id": endpoint.id})
    await connection.execute(_DUE, {"id": endpoint.id})
    await wake(connection, [endpoint.id])


async def look(
    connection: AsyncConnection, ids: Iterable[str], usual: Pace, alive: Collection[int], now: float
) -> dict[str, Look]:
    """What is known of those endpoints that are enabled; `usual` is the pace of one without its own."""
    values = {
        "ids": list(ids),
        "concurrency": usual.concurrency,
        "rate": usual.rate,
        "alive": list(alive),
        "most": MOST_IN_FLIGHT,
    }
    return {row.id: _look(row, usual, now) for row in await connection.execute(_LOOK, values)}


async def save_breakers(connection: AsyncConnection, breakers: Mapping[str, Breaker]) -> None:
    """Shows everybody which breakers are open, and until when."""
    columns = {
        "ids": list(breakers),
        "states": [each.state for each in breakers.values()],
        "until": [each.until if each.state == "open" else None for each in breakers.values()],
    }
    await connection.execute(_SAVE_BREAKERS, columns)


def _look(row: Any, usual: Pace, now: float) -> Look:
    breaker = Breaker("open", now + row.open_for, openings=1) if row.open else CLOSED
    due_at = None if row.due_in is None else now + row.due_in
    pace = replace(usual, concurrency=row.concurrency, rate=row.rate)
    return Look(pace, breaker, due_at, row.enablings)

"""Endpoints: one URL of one link each, with its secret; made once, never removed."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.encryption import Sealed
from webhook_dispatcher.endpoints import Endpoint, endpoint_id

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
    SELECT endpoints.id, link_id, url, threepl_id, enablings, disabled_at IS NOT NULL AS disabled
    FROM endpoints JOIN links ON links.id = endpoints.link_id
    WHERE endpoints.id = ANY(:ids) ORDER BY endpoints.id FOR UPDATE OF endpoints
    """
)
_DISABLE = text("UPDATE endpoints SET disabled_at = now(), disabled_reason = :reason WHERE id = ANY(:ids)")
_ENABLE = text(
    """
    UPDATE endpoints SET disabled_at = NULL, disabled_reason = NULL, enablings = enablings + 1
    WHERE id = :id
    """
)
_DUE = text(
    """
    UPDATE deliveries SET next_at = now() WHERE id IN (
        SELECT id FROM deliveries
        WHERE endpoint_id = :id AND status = 'waiting' AND NOT behind AND next_at = 'infinity'
        ORDER BY id FOR UPDATE
    )
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
    return {row.id: _endpoint(row) for row in rows}


async def disable(connection: AsyncConnection, endpoints: Mapping[str, Endpoint], reason: str) -> None:
    """Disables claimed endpoints; their deliveries wait until they are enabled."""
    if not endpoints:
        return
    await connection.execute(_DISABLE, {"ids": list(endpoints), "reason": reason})


async def enable(connection: AsyncConnection, endpoint: Endpoint) -> None:
    """Enables a claimed endpoint; what waited for that is due now."""
    await connection.execute(_ENABLE, {"id": endpoint.id})
    await connection.execute(_DUE, {"id": endpoint.id})


def _endpoint(row: Any) -> Endpoint:
    return Endpoint(row.id, row.link_id, row.threepl_id, row.url, row.disabled, row.enablings)

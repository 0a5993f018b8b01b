"""Endpoints' keychains as they are stored: encrypted, beside the id of the key that did it."""

from collections.abc import AsyncIterator, Collection, Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.encryption import Sealed

_FIND = "SELECT secret FROM endpoints WHERE id = :id"
_READ = text(_FIND)
_HOLD = text(f"{_FIND} FOR UPDATE")
_SAVE = text(
    """
    UPDATE endpoints SET secret = sealed.secret, key_id = sealed.key_id
    FROM unnest(CAST(:ids AS text[]), CAST(:secrets AS bytea[]), CAST(:key_ids AS text[]))
        AS sealed (id, secret, key_id)
    WHERE endpoints.id = sealed.id
    """
)
# Of what older code wrote it isn't known which key did it.
_UNDER = "FROM endpoints WHERE key_id = ANY(:key_ids) OR key_id IS NULL"
_HOLD_UNDER = text(f"SELECT id, secret {_UNDER} LIMIT :most FOR UPDATE SKIP LOCKED")
_COUNT_UNDER = text(f"SELECT count(*) {_UNDER}")
_COUNT_OTHERS = text(
    "SELECT key_id, count(*) AS endpoints FROM endpoints WHERE key_id <> ALL(:key_ids) GROUP BY key_id"
)
_UNNAMED = text("SELECT secret FROM endpoints WHERE key_id IS NULL")


async def read(connection: AsyncConnection, endpoint_id: str) -> bytes:
    """An endpoint's keychain, encrypted."""
    return bytes((await connection.execute(_READ, {"id": endpoint_id})).scalar_one())


async def claim(connection: AsyncConnection, endpoint_id: str) -> bytes:
    """An endpoint's keychain, encrypted, and the endpoint held until the transaction ends."""
    return bytes((await connection.execute(_HOLD, {"id": endpoint_id})).scalar_one())


async def save(connection: AsyncConnection, sealed: Mapping[str, Sealed]) -> None:
    """Replaces the keychains of claimed endpoints."""
    if not sealed:
        return
    columns = {
        "ids": list(sealed),
        "secrets": [each.token for each in sealed.values()],
        "key_ids": [each.key_id for each in sealed.values()],
    }
    await connection.execute(_SAVE, columns)


async def claim_under(connection: AsyncConnection, key_ids: Collection[str], most: int) -> dict[str, bytes]:
    """At most so many keychains that these keys wrote, or nobody knows which, held as by `claim`."""
    rows = await connection.execute(_HOLD_UNDER, {"key_ids": list(key_ids), "most": most})
    return {row.id: bytes(row.secret) for row in rows}


async def count_under(connection: AsyncConnection, key_ids: Collection[str]) -> int:
    """How many keychains these keys wrote, or nobody knows which."""
    return int((await connection.execute(_COUNT_UNDER, {"key_ids": list(key_ids)})).scalar_one())


async def count_others(connection: AsyncConnection, key_ids: Collection[str]) -> dict[str, int]:
    """How many keychains each key wrote that is none of these."""
    rows = await connection.execute(_COUNT_OTHERS, {"key_ids": list(key_ids)})
    return {row.key_id: row.endpoints for row in rows}


async def unnamed(connection: AsyncConnection) -> AsyncIterator[bytes]:
    """The keychains of which nobody knows which key wrote them."""
    async for row in await connection.stream(_UNNAMED):
        yield bytes(row.secret)

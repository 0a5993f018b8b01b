"""Idempotency-Keys in the database: each with the request that used it and the answer that it got."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pydantic_core
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Kept:
    """The answer that is kept under a key; its body is encrypted."""

    request_hash: bytes
    status: int
    headers: Mapping[str, str]
    body: bytes


# A key that is still being used by another transaction keeps this one waiting until that one ends. One that
# is too old to count is taken over.
_CLAIM = text(
    """
    INSERT INTO idempotency_keys (id, request_hash, kept_until) VALUES (:id, :request_hash, :now)
    ON CONFLICT (id) DO UPDATE SET request_hash = excluded.request_hash, kept_until = excluded.kept_until
    WHERE idempotency_keys.kept_until <= :now
    RETURNING id
    """
)
_FIND = text("SELECT request_hash, status, headers, body FROM idempotency_keys WHERE id = :id")
_KEEP = text(
    """
    UPDATE idempotency_keys SET status = :status, headers = CAST(:headers AS jsonb), body = :body,
        kept_until = :kept_until
    WHERE id = :id
    """
)
_DROP = text("DELETE FROM idempotency_keys WHERE id = :id")
_FORGET = text("DELETE FROM idempotency_keys WHERE kept_until < :now")


async def claim(
    connection: AsyncConnection, key_id: bytes, request_hash: bytes, now: datetime
) -> Kept | None:
    """None if the key is this transaction's to use; else what was answered to it before."""
    values = {"id": key_id, "request_hash": request_hash, "now": now}
    if (await connection.execute(_CLAIM, values)).first() is not None:
        return None
    row = (await connection.execute(_FIND, {"id": key_id})).mappings().one()
    return Kept(**row)


async def keep(
    connection: AsyncConnection,
    key_id: bytes,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    kept_until: datetime,
) -> None:
    """Keeps the answer to a claimed key's request until then."""
    values: dict[str, Any] = {"id": key_id, "status": status, "body": body, "kept_until": kept_until}
    said = pydantic_core.to_json(dict(headers)).decode()
    await connection.execute(_KEEP, {**values, "headers": said})


async def drop(connection: AsyncConnection, key_id: bytes) -> None:
    """Lets a claimed key go: nothing is kept under it."""
    await connection.execute(_DROP, {"id": key_id})


async def forget(connection: AsyncConnection, now: datetime) -> None:
    """Deletes the keys that count no more."""
    await connection.execute(_FORGET, {"now": now})

"""API keys in the database, with no more of their secrets than a hash."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.api_keys import ApiKey
from shared.pages import Place

_ADD = text(
    """
    INSERT INTO api_keys (id, account_id, name, scopes, roles, secret_hash, created_at)
    VALUES (:id, :account_id, :name, :scopes, :roles, :secret_hash, :created_at)
    """
)
_FIND = text("SELECT * FROM api_keys WHERE id = :id AND revoked_at IS NULL")
_REVOKE = text(
    """
    UPDATE api_keys SET revoked_at = coalesce(revoked_at, :now)
    WHERE id = :id AND account_id = :account_id RETURNING id
    """
)
_PAGE = text(
    """
    SELECT * FROM api_keys WHERE account_id = :account_id AND (created_at, id) < (:at, :id)
    ORDER BY created_at DESC, id DESC LIMIT :limit
    """
)


async def add(connection: AsyncConnection, key: ApiKey, secret_hash: bytes) -> None:
    columns = {**key.model_dump(), "scopes": list(key.scopes), "roles": list(key.roles)}
    await connection.execute(_ADD, {**columns, "secret_hash": secret_hash})


async def find(connection: AsyncConnection, key_id: str) -> tuple[ApiKey, bytes] | None:
    """The key, unless it was revoked, and the hash of its secret."""
    row = (await connection.execute(_FIND, {"id": key_id})).mappings().first()
    return (ApiKey.model_validate(row), row["secret_hash"]) if row else None


async def revoke(connection: AsyncConnection, account_id: str, key_id: str, now: datetime) -> bool:
    """Whether the account has such a key; it is revoked now, if it wasn't before."""
    columns = {"id": key_id, "account_id": account_id, "now": now}
    return (await connection.execute(_REVOKE, columns)).first() is not None


async def page(connection: AsyncConnection, account_id: str, before: Place, limit: int) -> Sequence[ApiKey]:
    """At most `limit` keys of an account older than a place, newest first, revoked ones too."""
    columns = {"account_id": account_id, "at": before.at, "id": before.id, "limit": limit}
    return [ApiKey.model_validate(row) for row in (await connection.execute(_PAGE, columns)).mappings()]

"""One-time tokens by which people choose a password, in the database, as hashes."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_ADD = text(
    """
    INSERT INTO password_tokens (token_hash, person_id, expires_at)
    VALUES (:token_hash, :person_id, :expires_at)
    """
)
_TAKE = text(
    "DELETE FROM password_tokens WHERE token_hash = :token_hash AND expires_at > :now RETURNING person_id"
)
_FORGET_ALL = text("DELETE FROM password_tokens WHERE person_id = :person_id")
_FORGET = text("DELETE FROM password_tokens WHERE expires_at < :before")


async def add(connection: AsyncConnection, person_id: str, token_hash: bytes, expires_at: datetime) -> None:
    values = {"person_id": person_id, "token_hash": token_hash, "expires_at": expires_at}
    await connection.execute(_ADD, values)


async def take(connection: AsyncConnection, token_hash: bytes, now: datetime) -> str | None:
    """The id of the person whose token it is; it is gone then, with all others of theirs."""
    taken = (await connection.execute(_TAKE, {"token_hash": token_hash, "now": now})).scalar_one_or_none()
    if taken is not None:
        await connection.execute(_FORGET_ALL, {"person_id": taken})
    return taken


async def forget(connection: AsyncConnection, before: datetime) -> None:
    """Deletes the tokens that were over before a moment."""
    await connection.execute(_FORGET, {"before": before})

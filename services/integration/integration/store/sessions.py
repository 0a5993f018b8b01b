"""Sessions and their refresh tokens in the database, the tokens as hashes."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.sessions import EndedBecause, RefreshToken

_ADD = text(
    "INSERT INTO sessions (id, person_id, created_at, expires_at) VALUES (:id, :person_id, :now, :expires_at)"
)
_ADD_TOKEN = text(
    """
    INSERT INTO refresh_tokens (token_hash, session_id, expires_at)
    VALUES (:token_hash, :session_id, :expires_at)
    """
)
_CLAIM = text(
    """
    SELECT token_hash, session_id, person_id, refresh_tokens.expires_at, used_at,
           sessions.expires_at AS session_expires_at, ended_at AS session_ended_at
    FROM refresh_tokens JOIN sessions ON sessions.id = session_id
    WHERE token_hash = :token_hash FOR UPDATE
    """
)
_USE = text("UPDATE refresh_tokens SET used_at = :now WHERE token_hash = :token_hash")
_END = text(
    "UPDATE sessions SET ended_at = :now, ended_because = :because WHERE id = :id AND ended_at IS NULL"
)
_END_ALL = text(
    """
    UPDATE sessions SET ended_at = :now, ended_because = :because
    WHERE person_id = :person_id AND ended_at IS NULL
    """
)
# Kept for a day after they ended, so that a token used again is told from one that never was.
_FORGET = text("DELETE FROM sessions WHERE least(expires_at, ended_at) < :before")


async def add(
    connection: AsyncConnection, session_id: str, person_id: str, now: datetime, expires_at: datetime
) -> None:
    values = {"id": session_id, "person_id": person_id, "now": now, "expires_at": expires_at}
    await connection.execute(_ADD, values)


async def add_token(
    connection: AsyncConnection, session_id: str, token_hash: bytes, expires_at: datetime
) -> None:
    values = {"session_id": session_id, "token_hash": token_hash, "expires_at": expires_at}
    await connection.execute(_ADD_TOKEN, values)


async def claim(connection: AsyncConnection, token_hash: bytes) -> RefreshToken | None:
    """The refresh token with its session, both held until the transaction ends."""
    row = (await connection.execute(_CLAIM, {"token_hash": token_hash})).mappings().first()
    return RefreshToken(**row) if row else None


async def use(connection: AsyncConnection, token_hash: bytes, now: datetime) -> None:
    await connection.execute(_USE, {"token_hash": token_hash, "now": now})


async def end(connection: AsyncConnection, session_id: str, because: EndedBecause, now: datetime) -> None:
    await connection.execute(_END, {"id": session_id, "because": because, "now": now})


async def end_all(connection: AsyncConnection, person_id: str, because: EndedBecause, now: datetime) -> None:
    """Ends every session of a person: their refresh tokens work no more."""
    await connection.execute(_END_ALL, {"person_id": person_id, "because": because, "now": now})


async def forget(connection: AsyncConnection, before: datetime) -> None:
    """Deletes the sessions that were over before a moment, with their tokens."""
    await connection.execute(_FORGET, {"before": before})

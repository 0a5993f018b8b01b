"""Signing keys in the database, their private parts encrypted."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.signing_keys import SigningKey
from shared.encryption import KeyRing

SIGNING_KEYS_LOCK = 0x0DD0_0003

_LOCK = text(f"SELECT pg_advisory_xact_lock({SIGNING_KEYS_LOCK})")
_PUBLISHED = text(
    "SELECT * FROM signing_keys WHERE published_until IS NULL OR published_until > :now ORDER BY published_at"
)
_ADD = text(
    """
    INSERT INTO signing_keys (kid, private_key, published_at, signs_from, signs_until, published_until)
    VALUES (:kid, :private_key, :published_at, :signs_from, :signs_until, :published_until)
    """
)


_END = text(
    "UPDATE signing_keys SET signs_until = :signs_until, published_until = :published_until WHERE kid = :kid"
)


async def lock(connection: AsyncConnection) -> None:
    """Lets one process at a time decide which keys there are, until its transaction ends."""
    await connection.execute(_LOCK)


async def published(connection: AsyncConnection, ring: KeyRing, now: datetime) -> Sequence[SigningKey]:
    """The keys that are published now; raises `SettingsWrong` if the ring doesn't open one."""
    rows = (await connection.execute(_PUBLISHED, {"now": now})).mappings()
    return [SigningKey(**{**row, "private_key": ring.decrypt(row["private_key"])}) for row in rows]


async def add(connection: AsyncConnection, ring: KeyRing, key: SigningKey) -> None:
    columns = {name: getattr(key, name) for name in key.__dataclass_fields__}
    await connection.execute(_ADD, {**columns, "private_key": ring.encrypt(key.private_key)})


async def end(connection: AsyncConnection, key: SigningKey) -> None:
    """Writes until when a key signs and is published."""
    values = {"kid": key.kid, "signs_until": key.signs_until, "published_until": key.published_until}
    await connection.execute(_END, values)

"""People in the database, with no more of their passwords than a hash."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.people import Person
from shared.contracts.identifiers import AccountKind
from shared.pages import Place

_ADD = text(
    """
    INSERT INTO people (id, account_id, kind, email, name, roles, clients, password_hash, created_at)
    VALUES (:id, :account_id, :kind, :email, :name, :roles, :clients, :password_hash, :created_at)
    ON CONFLICT DO NOTHING RETURNING id
    """
)
_FIND = text("SELECT * FROM people WHERE id = :id AND removed_at IS NULL")
_CLAIM = text(
    "SELECT * FROM people WHERE id = :id AND account_id = :account_id AND removed_at IS NULL FOR UPDATE"
)
_BY_EMAIL = text("SELECT * FROM people WHERE kind = :kind AND email = :email AND removed_at IS NULL")
_HOLD_WITH_PASSWORD = text(
    """
    SELECT id FROM people WHERE id = :id AND password_hash = :password_hash AND removed_at IS NULL
    FOR SHARE
    """
)
# Somebody who was added to an account but has not come by the mail yet keeps nobody else from the e-mail.
_DISPLACE = text(
    """
    UPDATE people SET removed_at = :now
    WHERE kind = :kind AND email = :email AND removed_at IS NULL AND password_hash IS NULL
    """
)
_SAVE = text("UPDATE people SET name = :name, roles = :roles, clients = :clients WHERE id = :id")
_REMOVE = text(
    "UPDATE people SET removed_at = :now, password_hash = NULL WHERE id = :id AND removed_at IS NULL"
)
_SET_PASSWORD = text(
    "UPDATE people SET password_hash = :password_hash WHERE id = :id AND removed_at IS NULL RETURNING id"
)
_PAGE = text(
    """
    SELECT * FROM people
    WHERE account_id = :account_id AND removed_at IS NULL AND (created_at, id) < (:at, :id)
    ORDER BY created_at DESC, id DESC LIMIT :limit
    """
)


async def add(connection: AsyncConnection, person: Person, password_hash: str | None) -> bool:
    """Whether the person could be added: False if somebody of this kind of account has the e-mail."""
    values = {**_columns(person), "password_hash": password_hash}
    return (await connection.execute(_ADD, values)).first() is not None


async def find(connection: AsyncConnection, person_id: str) -> Person | None:
    row = (await connection.execute(_FIND, {"id": person_id})).mappings().first()
    return Person.model_validate(row) if row else None


async def claim(connection: AsyncConnection, account_id: str, person_id: str) -> Person | None:
    """The account's person, held until the transaction ends."""
    row = (await connection.execute(_CLAIM, {"id": person_id, "account_id": account_id})).mappings().first()
    return Person.model_validate(row) if row else None


async def find_by_email(
    connection: AsyncConnection, kind: AccountKind, email: str
) -> tuple[Person, str | None] | None:
    """The person and the hash of their password, None until they have chosen one."""
    row = (await connection.execute(_BY_EMAIL, {"kind": kind, "email": email})).mappings().first()
    return (Person.model_validate(row), row["password_hash"]) if row else None


async def hold_with_password(connection: AsyncConnection, person_id: str, password_hash: str) -> bool:
    """Whether the person is there and has this password, which stays so until the transaction ends."""
    values = {"id": person_id, "password_hash": password_hash}
    return (await connection.execute(_HOLD_WITH_PASSWORD, values)).first() is not None


async def displace(connection: AsyncConnection, kind: AccountKind, email: str, now: datetime) -> None:
    """Removes whoever was added with the e-mail and never chose a password."""
    await connection.execute(_DISPLACE, {"kind": kind, "email": email, "now": now})


async def save(connection: AsyncConnection, person: Person) -> None:
    """Writes what became of a claimed person."""
    await connection.execute(_SAVE, _columns(person))


async def remove(connection: AsyncConnection, person_id: str, now: datetime) -> None:
    await connection.execute(_REMOVE, {"id": person_id, "now": now})


async def set_password(connection: AsyncConnection, person_id: str, password_hash: str) -> bool:
    """Whether the person is still there to have it."""
    values = {"id": person_id, "password_hash": password_hash}
    return (await connection.execute(_SET_PASSWORD, values)).first() is not None


async def page(connection: AsyncConnection, account_id: str, before: Place, limit: int) -> Sequence[Person]:
    """At most `limit` people of an account added before a place, newest first."""
    values = {"account_id": account_id, "at": before.at, "id": before.id, "limit": limit}
    return [Person.model_validate(row) for row in (await connection.execute(_PAGE, values)).mappings()]


def _columns(person: Person) -> dict[str, Any]:
    clients = None if person.clients is None else sorted(person.clients)
    return {**dict(person), "roles": sorted(person.roles), "clients": clients}

"""Accounts in the database."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.accounts import Account
from shared.contracts.identifiers import AccountKind
from shared.pages import Place

_ADD = text(
    """
    INSERT INTO accounts (id, kind, email, name, plan, created_at)
    VALUES (:id, :kind, :email, :name, :plan, :created_at)
    ON CONFLICT DO NOTHING RETURNING id
    """
)
_FIND = text("SELECT * FROM accounts WHERE id = :id")
_HOLD = text("SELECT * FROM accounts WHERE id = :id FOR SHARE")
_BY_EMAIL = text("SELECT * FROM accounts WHERE kind = :kind AND email = :email")
_PAGE = text(
    """
    SELECT * FROM accounts WHERE (created_at, id) < (:at, :id)
    ORDER BY created_at DESC, id DESC LIMIT :limit
    """
)


async def add(connection: AsyncConnection, account: Account) -> bool:
    """Whether the account could be added: False if its id or its e-mail is taken."""
    return (await connection.execute(_ADD, account.model_dump())).first() is not None


async def find(connection: AsyncConnection, account_id: str) -> Account | None:
    row = (await connection.execute(_FIND, {"id": account_id})).mappings().first()
    return Account.model_validate(row) if row else None


async def hold(connection: AsyncConnection, account_id: str) -> Account | None:
    """The account, whose plan stays as it is until the transaction ends (DESIGN 2.4)."""
    row = (await connection.execute(_HOLD, {"id": account_id})).mappings().first()
    return Account.model_validate(row) if row else None


async def find_by_email(connection: AsyncConnection, kind: AccountKind, email: str) -> Account | None:
    row = (await connection.execute(_BY_EMAIL, {"kind": kind, "email": email})).mappings().first()
    return Account.model_validate(row) if row else None


async def page(connection: AsyncConnection, before: Place, limit: int) -> Sequence[Account]:
    """At most `limit` accounts older than a place, newest first."""
    rows = await connection.execute(_PAGE, {"at": before.at, "id": before.id, "limit": limit})
    return [Account.model_validate(row) for row in rows.mappings()]

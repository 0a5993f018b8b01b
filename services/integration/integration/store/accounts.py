"""Accounts in the database."""

from collections.abc import Sequence

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.accounts import Account, Plan
from shared.contracts.identifiers import AccountKind
from shared.pages import Place

_ADD = text(
    """
    INSERT INTO accounts (id, kind, email, name, plan, language, created_at)
    VALUES (:id, :kind, :email, :name, :plan, :language, :created_at)
    ON CONFLICT DO NOTHING RETURNING id
    """
)
_FIND = text("SELECT * FROM accounts WHERE id = :id")
_HOLD = text("SELECT * FROM accounts WHERE id = :id FOR SHARE")
_CLAIM = text("SELECT * FROM accounts WHERE id = :id FOR UPDATE")
# What a start holds of its own account, this keeps waiting, but not those that only refer to the account.
_CLAIM_PAIR = text("SELECT * FROM accounts WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE")
_BY_EMAIL = text("SELECT * FROM accounts WHERE kind = :kind AND email = :email")
_SET_PLAN = text("UPDATE accounts SET plan = :plan WHERE id = :id")
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
    return await _one(connection, _FIND, account_id)


async def hold(connection: AsyncConnection, account_id: str) -> Account | None:
    """The account, whose plan stays as it is until the transaction ends (DESIGN 2.4)."""
    return await _one(connection, _HOLD, account_id)


async def claim(connection: AsyncConnection, account_id: str) -> Account | None:
    """The account, for whose plan every act that needs it waits until the transaction ends."""
    return await _one(connection, _CLAIM, account_id)


async def claim_pair(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Account]:
    """The accounts by id, neither of which starts a link until the transaction ends."""
    rows = await connection.execute(_CLAIM_PAIR, {"ids": list(ids)})
    return {row["id"]: Account.model_validate(row) for row in rows.mappings()}


async def find_by_email(connection: AsyncConnection, kind: AccountKind, email: str) -> Account | None:
    row = (await connection.execute(_BY_EMAIL, {"kind": kind, "email": email})).mappings().first()
    return Account.model_validate(row) if row else None


async def set_plan(connection: AsyncConnection, account_id: str, plan: Plan) -> None:
    await connection.execute(_SET_PLAN, {"id": account_id, "plan": plan})


async def page(connection: AsyncConnection, before: Place, limit: int) -> Sequence[Account]:
    """At most `limit` accounts older than a place, newest first."""
    rows = await connection.execute(_PAGE, {"at": before.at, "id": before.id, "limit": limit})
    return [Account.model_validate(row) for row in rows.mappings()]


async def _one(connection: AsyncConnection, query: TextClause, account_id: str) -> Account | None:
    row = (await connection.execute(query, {"id": account_id})).mappings().first()
    return Account.model_validate(row) if row else None

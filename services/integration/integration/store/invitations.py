"""Invitations in the database, with no more of their tokens than a hash."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.invitations import Invitation
from integration.store.links import whose
from shared.contracts.callers import Caller
from shared.pages import Place

_ADD = text(
    """
    INSERT INTO invitations (id, link_id, inviter_id, kind, email, language, state, token_hash,
                             created_at, sent_at, expires_at)
    VALUES (:id, :link_id, :inviter_id, :kind, :email, :language, :state, :token_hash,
            :created_at, :sent_at, :expires_at)
    """
)
# An operator sees all; somebody limited to some client shops sees none, since there is no shop yet.
_THEIRS = "(:kind = 'operator' OR inviter_id = :account) AND CAST(:clients AS text[]) IS NULL"
_FIND = text(f"SELECT * FROM invitations WHERE id = :id AND {_THEIRS}")
_BY_TOKEN = text("SELECT * FROM invitations WHERE token_hash = :token_hash")
_CLAIM = text("SELECT * FROM invitations WHERE id = :id FOR UPDATE")
_CLAIM_BY_TOKEN = text("SELECT * FROM invitations WHERE token_hash = :token_hash FOR UPDATE")
_CLAIM_OPEN_OF = text("SELECT * FROM invitations WHERE link_id = :link_id AND state = 'open' FOR UPDATE")
_SAVE = text(
    """
    UPDATE invitations SET link_id = :link_id, state = :state, sent_at = :sent_at, expires_at = :expires_at,
        ended_at = :ended_at, token_hash = coalesce(CAST(:token_hash AS bytea), token_hash)
    WHERE id = :id
    """
)
# With `=`, and not `OR`, a page is read off the index by inviter.
_PAGE_TAIL = "(created_at, id) < (:at, :id) ORDER BY created_at DESC, id DESC LIMIT :limit"
_PAGE_ALL = text(f"SELECT * FROM invitations WHERE {_THEIRS} AND {_PAGE_TAIL}")
_PAGE_OWN = text(f"SELECT * FROM invitations WHERE inviter_id = :account AND {_THEIRS} AND {_PAGE_TAIL}")


async def add(connection: AsyncConnection, invitation: Invitation, token_hash: bytes) -> None:
    await connection.execute(_ADD, {**dict(invitation), "token_hash": token_hash})


async def find(connection: AsyncConnection, caller: Caller, invitation_id: str) -> Invitation | None:
    """The invitation, if the caller may see it: who invited its own, an operator every one."""
    return await _one(connection, _FIND, {"id": invitation_id, **_whose(caller)})


async def find_by_token(connection: AsyncConnection, token_hash: bytes) -> Invitation | None:
    return await _one(connection, _BY_TOKEN, {"token_hash": token_hash})


async def claim(connection: AsyncConnection, invitation_id: str) -> Invitation:
    """The invitation as it is now, held until the transaction ends; its link is claimed before it."""
    row = (await connection.execute(_CLAIM, {"id": invitation_id})).mappings().one()
    return Invitation.model_validate(row)


async def claim_by_token(connection: AsyncConnection, token_hash: bytes) -> Invitation | None:
    """The invitation of a token that still counts, held until the transaction ends."""
    return await _one(connection, _CLAIM_BY_TOKEN, {"token_hash": token_hash})


async def claim_open_of(connection: AsyncConnection, link_id: str) -> Invitation | None:
    """The open invitation of a claimed link, held until the transaction ends."""
    return await _one(connection, _CLAIM_OPEN_OF, {"link_id": link_id})


async def save(connection: AsyncConnection, invitation: Invitation, token_hash: bytes | None = None) -> None:
    """Writes what became of a claimed invitation; another token makes the one before work no more."""
    await connection.execute(_SAVE, {**dict(invitation), "token_hash": token_hash})


async def page(
    connection: AsyncConnection, caller: Caller, before: Place, limit: int
) -> Sequence[Invitation]:
    """At most `limit` invitations that the caller may see, older than a place, newest first."""
    query = _PAGE_ALL if caller.kind == "operator" else _PAGE_OWN
    rows = await connection.execute(
        query, {**_whose(caller), "at": before.at, "id": before.id, "limit": limit}
    )
    return [Invitation.model_validate(row) for row in rows.mappings()]


def _whose(caller: Caller) -> dict[str, Any]:
    return {**whose(caller), "kind": caller.kind}


async def _one(connection: AsyncConnection, query: Any, values: dict[str, Any]) -> Invitation | None:
    row = (await connection.execute(query, values)).mappings().first()
    return Invitation.model_validate(row) if row else None

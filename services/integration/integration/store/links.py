"""Links and their history in the database."""

from collections.abc import Sequence
from typing import Any

import pydantic_core
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.history import HistoryLine
from shared.auth import Caller
from shared.contracts.identifiers import AccountKind
from shared.contracts.links import Link, Status
from shared.pages import Place

# A pair's live link, if there is one, is answered in place of the new one, held until the transaction ends.
_ADD = text(
    """
    INSERT INTO links (id, shop_id, threepl_id, started_by, shop_on, threepl_on, status, version, epoch,
                       settings, rules, open_settings, created_at, changed_at)
    VALUES (:id, :shop_id, :threepl_id, :started_by, :shop_on, :threepl_on, :status, :version, :epoch,
            CAST(:settings AS jsonb), CAST(:rules AS jsonb), CAST(:open_settings AS jsonb), :created_at,
            :changed_at)
    ON CONFLICT (shop_id, threepl_id) WHERE status <> 'deleted' DO UPDATE SET version = links.version
    RETURNING id
    """
)
_SAVE = text(
    """
    UPDATE links SET shop_on = :shop_on, threepl_on = :threepl_on, status = :status, version = :version,
        epoch = :epoch, settings = CAST(:settings AS jsonb), rules = CAST(:rules AS jsonb),
        open_settings = CAST(:open_settings AS jsonb), changed_at = :changed_at
    WHERE id = :id
    """
)
_ADD_HISTORY = text(
    """
    INSERT INTO link_history (link_id, version, who, act, at, changes)
    VALUES (:link_id, :version, :who, :act, :at, CAST(:changes AS jsonb))
    """
)
_HISTORY = text(
    """
    SELECT * FROM link_history
    WHERE link_id = :link_id AND version < coalesce(CAST(:before AS integer), 2147483647)
    ORDER BY version DESC LIMIT :limit
    """
)
_ANY = text("SELECT EXISTS (SELECT FROM links)")

_THEIRS: dict[AccountKind, str] = {
    "shop": "shop_id = :account",
    "threepl": "threepl_id = :account",
    "operator": "CAST(:account AS text) IS NOT NULL",
}
_FIND = {kind: text("SELECT * FROM links WHERE id = :id AND " + theirs) for kind, theirs in _THEIRS.items()}
_CLAIM = {
    kind: text("SELECT * FROM links WHERE id = :id AND " + theirs + " FOR UPDATE")
    for kind, theirs in _THEIRS.items()
}
_PAGE = {
    kind: text(
        "SELECT * FROM links WHERE " + theirs + " AND (created_at, id) < (:at, :id)"
        " AND (CAST(:status AS text) IS NULL OR status = :status)"
        " ORDER BY created_at DESC, id DESC LIMIT :limit"
    )
    for kind, theirs in _THEIRS.items()
}


async def add(connection: AsyncConnection, link: Link) -> str:
    """The id of the pair's live link: that of the new one, or of one that was there before."""
    return str((await connection.execute(_ADD, _columns(link))).scalar_one())


async def find(connection: AsyncConnection, caller: Caller, link_id: str) -> Link | None:
    """The link, if the caller may see it: a side its own, an operator every one."""
    return await _one(connection, _FIND[caller.kind], caller, link_id)


async def claim(connection: AsyncConnection, caller: Caller, link_id: str) -> Link | None:
    """Like `find`, and held until the transaction ends."""
    return await _one(connection, _CLAIM[caller.kind], caller, link_id)


async def page(
    connection: AsyncConnection, caller: Caller, status: Status | None, before: Place, limit: int
) -> Sequence[Link]:
    """At most `limit` links that the caller may see, older than a place, newest first."""
    columns = {"account": caller.account, "status": status, "at": before.at, "id": before.id, "limit": limit}
    rows = await connection.execute(_PAGE[caller.kind], columns)
    return [Link.model_validate(row) for row in rows.mappings()]


async def save(connection: AsyncConnection, link: Link) -> None:
    """Writes what became of a claimed link."""
    await connection.execute(_SAVE, _columns(link))


async def add_history(connection: AsyncConnection, link_id: str, line: HistoryLine) -> None:
    changes = pydantic_core.to_json(line.changes, by_alias=True).decode()
    await connection.execute(_ADD_HISTORY, {**line.model_dump(), "link_id": link_id, "changes": changes})


async def history(
    connection: AsyncConnection, link_id: str, before: int | None, limit: int
) -> Sequence[HistoryLine]:
    """At most `limit` lines of a link's history below the version `before` (None: all), newest first."""
    rows = await connection.execute(_HISTORY, {"link_id": link_id, "before": before, "limit": limit})
    return [HistoryLine.model_validate(row) for row in rows.mappings()]


async def is_empty(connection: AsyncConnection) -> bool:
    """Whether there never was a link: deleted ones stay."""
    return not (await connection.execute(_ANY)).scalar_one()


async def _one(connection: AsyncConnection, query: TextClause, caller: Caller, link_id: str) -> Link | None:
    row = (await connection.execute(query, {"id": link_id, "account": caller.account})).mappings().first()
    return Link.model_validate(row) if row else None


def _columns(link: Link) -> dict[str, Any]:
    parts = {"settings": link.settings, "rules": link.rules, "open_settings": link.open_settings}
    return {**dict(link), **{name: pydantic_core.to_json(part).decode() for name, part in parts.items()}}

"""Lists of links: one's own, filtered, page by page, as fast whether there are ten or a hundred thousand."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.links import OwnLink
from integration.store.links import SELECT, THEIRS, WEIGHTS, whose
from shared.contracts.callers import Caller
from shared.contracts.identifiers import AccountKind
from shared.contracts.links import Status
from shared.pages import Place


@dataclass(frozen=True)
class Filter:
    """Which links a list holds: of a status, with an account on the other side, found by words of a text."""

    status: Status | None = None
    other: str | None = None
    text: str | None = None


_STATUS = " AND status = :status"
_TEXT = " AND links.search @@ to_tsquery('simple', :text)"
_PAGE = (
    " AND (links.created_at, links.id) < (:at, :id)"
    " ORDER BY links.created_at DESC, links.id DESC LIMIT :limit"
)
_OTHERS: dict[AccountKind, str] = {
    "shop": " AND threepl_id = :other",
    "threepl": " AND shop_id = :other",
    "operator": " AND :other IN (shop_id, threepl_id)",
}


async def page(
    connection: AsyncConnection, caller: Caller, wanted: Filter, before: Place, limit: int
) -> Sequence[OwnLink]:
    """At most `limit` links that the caller may see, older than a place, newest first."""
    given = {"status": wanted.status, "other": wanted.other}
    if wanted.text is not None:
        given["text"] = text_query(wanted.text, WEIGHTS[caller.kind])
    chosen = {name: value for name, value in given.items() if value is not None}
    values: dict[str, Any] = {**whose(caller), **chosen, "at": before.at, "id": before.id, "limit": limit}
    rows = await connection.execute(_query(caller.kind, frozenset(chosen)), values)
    return [OwnLink.model_validate(row) for row in rows.mappings()]


@cache
def _query(kind: AccountKind, filters: frozenset[str]) -> TextClause:
    conditions = {"status": _STATUS, "other": _OTHERS[kind], "text": _TEXT}
    wanted = "".join(conditions[name] for name in sorted(filters))
    return text(f"{SELECT} WHERE {THEIRS[kind]}{wanted}{_PAGE}")


def text_query(words: str, weights: str) -> str:
    """The words as PostgreSQL's tsquery: every one of them begins a word of the parts named by `weights`."""
    quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in words.split())
    return " & ".join(f"'{word}':*{weights}" for word in quoted)

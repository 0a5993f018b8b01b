"""Lists of links: one's own, filtered, page by page, as fast whether there are ten or a hundred thousand."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.links import OwnLink
from integration.store.links import THEIRS, WEIGHTS, WITH_NAMES, whose
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


# A caller who is limited to clients has a query of its own, so that their shops are looked up by index.
_OWN: dict[AccountKind, str] = {**THEIRS, "threepl": "threepl_id = :account"}
_CONDITIONS = {
    "clients": " AND shop_id = ANY(:clients)",
    "status": " AND status = :status",
    "shop": " AND shop_id = :shop",
    "threepl": " AND threepl_id = :threepl",
}
_ORDER = "ORDER BY created_at DESC, id DESC"
_BEFORE = f"SELECT * FROM links WHERE {{own}}{{narrowed}} AND (created_at, id) < (:at, :id) {_ORDER}"
# A page is at most 200 links and one more; told so, PostgreSQL keeps one plan and plans no page anew.
MOST = 201
_PAGE = f"SELECT * FROM ({_BEFORE} LIMIT {MOST}) AS newest {_ORDER} LIMIT :limit"
# The index of words knows no order, and PostgreSQL can't know how many links hold a word that begins so. The
# newest links tell: if words are frequent there, a walk in order soon meets enough of them. Else the index is
# asked for what lies past the edge of the walk. OFFSET 0 keeps it from being asked together with another
# index, which here would be of nearly all links.
PROBED = 50
_PAGE_BY_TEXT = f"""
    WITH words AS MATERIALIZED (
        SELECT to_tsquery('simple', :text) AS wanted
    ), walk AS MATERIALIZED (
        SELECT CASE WHEN count(*) > 1 THEN 4 * {PROBED} * :limit / count(*) ELSE {PROBED} END AS length
        FROM ({_BEFORE} LIMIT {PROBED}) AS probed WHERE search @@ (SELECT wanted FROM words)
    ), near AS MATERIALIZED (
        SELECT * FROM ({_BEFORE} LIMIT (SELECT length FROM walk)) AS walked
        WHERE search @@ (SELECT wanted FROM words) {_ORDER} LIMIT :limit
    ), edge AS MATERIALIZED (
        SELECT created_at, id FROM ({_BEFORE} OFFSET (SELECT length - 1 FROM walk) LIMIT 1) AS last
        WHERE (SELECT count(*) FROM near) < :limit AND (SELECT numnode(wanted) FROM words) > 0
    ), far AS (
        SELECT * FROM links WHERE EXISTS (SELECT FROM edge) AND search @@ (SELECT {{indexed}} FROM words)
        OFFSET 0
    )
    SELECT * FROM near
    UNION ALL
    (SELECT * FROM far WHERE {{own}}{{narrowed}} AND (created_at, id) < (SELECT created_at, id FROM edge)
     {_ORDER} LIMIT :limit)
"""


async def page(
    connection: AsyncConnection, caller: Caller, wanted: Filter, before: Place, limit: int
) -> Sequence[OwnLink]:
    """At most `limit` links (201 at the most) that the caller may see, older than a place, newest first."""
    chosen = _chosen(caller, wanted)
    values: dict[str, Any] = {**whose(caller), **chosen, "at": before.at, "id": before.id, "limit": limit}
    rows = await connection.execute(_query(caller.kind, frozenset(chosen)), values)
    return [OwnLink.model_validate(row) for row in rows.mappings()]


def _chosen(caller: Caller, wanted: Filter) -> dict[str, Any]:
    """The parameters by which the list is narrowed."""
    chosen: dict[str, Any] = {"status": wanted.status}
    if wanted.other is not None:
        chosen[_other_side(caller.kind, wanted.other)] = wanted.other
    if caller.kind == "threepl" and caller.clients is not None:
        chosen["clients"] = sorted(caller.clients)
    if wanted.text is not None:
        chosen["text"] = text_query(wanted.text, WEIGHTS[caller.kind])
        chosen["owner"] = f"'{caller.account}'"
    return {name: value for name, value in chosen.items() if value is not None}


def _other_side(kind: AccountKind, other: str) -> str:
    """The side that an account is on; for an operator it may be either, as its id begins."""
    if kind == "operator":
        return "threepl" if other.startswith("T") else "shop"
    return "threepl" if kind == "shop" else "shop"


@cache
def _query(kind: AccountKind, chosen: frozenset[str]) -> TextClause:
    narrowed = "".join(condition for name, condition in _CONDITIONS.items() if name in chosen)
    page = _PAGE_BY_TEXT if "text" in chosen else _PAGE
    indexed = "wanted" if kind == "operator" else "CAST(CAST(:owner AS text) AS tsquery) && wanted"
    rows = page.format(own=_OWN[kind], narrowed=narrowed, indexed=indexed)
    order = "ORDER BY links.created_at DESC, links.id DESC LIMIT :limit"
    return text(f"{WITH_NAMES.format(links=f'({rows})')} {order}")


def text_query(words: str, weights: str) -> str:
    """The words as PostgreSQL's tsquery: every one of them begins a word of the parts named by `weights`."""
    quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in words.split())
    return " & ".join(f"'{word}':*{weights}" for word in quoted)

"""The links' history in the database."""

from collections.abc import Sequence

import pydantic_core
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.history import HistoryLine

_ADD = text(
    """
    INSERT INTO link_history (link_id, version, who, by, act, at, changes)
    SELECT link_id, version, who, by, act, at, CAST(changes AS jsonb)
    FROM unnest(CAST(:link_ids AS text[]), CAST(:versions AS integer[]), CAST(:whos AS text[]),
                CAST(:bys AS text[]), CAST(:acts AS text[]), CAST(:ats AS timestamptz[]),
                CAST(:changes AS text[]))
        AS line (link_id, version, who, by, act, at, changes)
    """
)
_PAGE = text(
    """
    SELECT * FROM link_history
    WHERE link_id = :link_id AND version < coalesce(CAST(:before AS integer), 2147483647)
    ORDER BY version DESC LIMIT :limit
    """
)


async def add(connection: AsyncConnection, link_ids: Sequence[str], lines: Sequence[HistoryLine]) -> None:
    """Writes a line for each of these links."""
    columns = {
        "link_ids": list(link_ids),
        "versions": [line.version for line in lines],
        "whos": [line.who for line in lines],
        "bys": [line.by for line in lines],
        "acts": [line.act for line in lines],
        "ats": [line.at for line in lines],
        "changes": [pydantic_core.to_json(line.changes, by_alias=True).decode() for line in lines],
    }
    await connection.execute(_ADD, columns)


async def page(
    connection: AsyncConnection, link_id: str, before: int | None, limit: int
) -> Sequence[HistoryLine]:
    """At most `limit` lines of a link's history below the version `before` (None: all), newest first."""
    rows = await connection.execute(_PAGE, {"link_id": link_id, "before": before, "limit": limit})
    return [HistoryLine.model_validate(row) for row in rows.mappings()]

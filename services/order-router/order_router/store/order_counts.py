"""How many orders there are: of each shop, in each stage, with each holder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.assignments import Holder, Stage
from shared.contracts.callers import Caller
from shared.contracts.identifiers import AccountKind


@dataclass(frozen=True)
class Count:
    """So many orders of a shop are in a stage, with this holder."""

    shop_id: str
    stage: Stage
    holder: Holder
    orders: int


# Both parts are read from an index alone. Open orders whose link has moved on are the shop's: they are few
# groups, which are then held against their links.
_COUNTS = """
    WITH counted AS (
        SELECT shop_id, stage, count(*) AS orders, count(link_id) AS linked
        FROM orders WHERE {own} AND version IS NOT NULL GROUP BY shop_id, stage
    ), gone AS (
        SELECT lagging.shop_id, sum(lagging.orders) AS orders
        FROM (
            SELECT shop_id, link_id, epoch, count(*) AS orders FROM orders
            WHERE {own} AND version IS NOT NULL AND stage = 'open' AND link_id IS NOT NULL
            GROUP BY shop_id, link_id, epoch
        ) AS lagging JOIN links ON links.id = lagging.link_id AND lagging.epoch < links.epoch
        GROUP BY lagging.shop_id
    )
    SELECT counted.shop_id, stage, counted.orders, CAST(linked - coalesce(gone.orders, 0) AS bigint) AS held
    FROM counted LEFT JOIN gone ON gone.shop_id = counted.shop_id AND stage = 'open'
    ORDER BY counted.shop_id, stage
"""
_SHOPS = "shop_id = ANY(CAST(:shops AS text[]))"
_OWN: Final[dict[AccountKind, str]] = {
    "operator": "true",
    "shop": "shop_id = :account",
    "threepl": "threepl_id = :account",
}
_OF_ALL = {kind: text(_COUNTS.format(own=own)) for kind, own in _OWN.items()}
_OF_SHOPS = {kind: text(_COUNTS.format(own=f"{own} AND {_SHOPS}")) for kind, own in _OWN.items()}
_UP_TO = text(
    """
    SELECT count(*) FROM (
        SELECT FROM orders WHERE shop_id = :shop_id AND version IS NOT NULL LIMIT CAST(:most AS bigint)
    ) AS newest
    """
)


async def counts(
    connection: AsyncConnection, caller: Caller, shops: frozenset[str] | None
) -> Sequence[Count]:
    """The counts of the orders that the caller may see, of these shops; None: of all that it may see."""
    query: TextClause = (_OF_ALL if shops is None else _OF_SHOPS)[caller.kind]
    values: dict[str, Any] = {"account": caller.account, "shops": sorted(shops or ())}
    rows = await connection.execute(query, values)
    return [count for row in rows for count in _counts(caller, row)]


async def up_to(connection: AsyncConnection, shop_id: str, most: int) -> int:
    """How many orders a shop has, at the most so many."""
    return int((await connection.execute(_UP_TO, {"shop_id": shop_id, "most": most})).scalar_one())


def _counts(caller: Caller, row: Any) -> Iterator[Count]:
    """What isn't held any more is no 3PL's to count."""
    if row.held > 0:
        yield Count(row.shop_id, row.stage, "threepl", row.held)
    if row.orders > row.held and caller.kind != "threepl":
        yield Count(row.shop_id, row.stage, "shop", row.orders - row.held)

"""Lists of orders: those that a caller sees, filtered, page by page, as fast of a million as of a hundred.

A list is merged from walks, one for each stage and, where shops are named, for each of them. A walk reads one
index from its newest end, as far as the page goes, and only then the orders of the page themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.acts import STAGES
from order_router.store import searches, seen
from order_router.store.seen import HELD, UNHELD, SeenOrder
from shared.contracts.assignments import Holder, Stage
from shared.contracts.callers import Caller
from shared.pages import Place


@dataclass(frozen=True)
class Filter:
    """Which orders a list holds: created from `since` on and before `until`, found by each of the words."""

    shop_id: str | None = None
    stages: frozenset[Stage] = frozenset(STAGES)
    holder: Holder | None = None
    link_id: str | None = None
    words: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Page:
    """Orders, newest first, and the place that the next page begins after; None: there are no more."""

    orders: Sequence[SeenOrder]
    following: Place | None


@dataclass(frozen=True)
class _Source:
    """An index that begins with whose orders and in which stage: what is walked, and in which order."""

    wanted: str
    own: str
    before: str
    order: str


# A page is at most 200 orders and one more; told so, PostgreSQL keeps one plan, which walks.
MOST: Final = 201
# A page found by words looks at so many orders of a stage at most, and says where to go on.
LOOKED: Final = 50_000
# A stage that only a 3PL brings about is of an order that it holds.
_OF_THE_SHOP: Final[frozenset[Stage]] = frozenset({"open", "cancelled"})
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_NEWEST = "ORDER BY created_at DESC, shop_id DESC, order_id DESC"
_BEFORE = "(orders.created_at, orders.shop_id, orders.order_id) < (:at, :shop_id, :order_id)"
_EACH_STAGE = "unnest(CAST(:stages AS text[])) AS wanted (stage)"
_ALL = _Source(_EACH_STAGE, "true", _BEFORE, _NEWEST)
_OF_THREEPL = _Source(_EACH_STAGE, "orders.threepl_id = :account", _BEFORE, _NEWEST)
_OF_SHOPS = _Source(
    """(
        SELECT shop, stage, CASE WHEN shop = :shop_id THEN :order_id ELSE '' END AS order_id,
            CAST(:at AS timestamptz) + CASE WHEN shop < :shop_id THEN interval '1 microsecond'
                                       ELSE interval '0' END AS at
        FROM unnest(CAST(:shops AS text[])) AS shop CROSS JOIN unnest(CAST(:stages AS text[])) AS stage
    ) AS wanted""",
    "orders.shop_id = wanted.shop",
    "(orders.created_at, orders.order_id) < (wanted.at, wanted.order_id)",
    "ORDER BY created_at DESC, order_id DESC",
)
_CONDITIONS: Final = {
    "held": HELD,
    "unheld": UNHELD,
    # Of most of a shop's orders these are true. PostgreSQL can't know it, and written plainly it would look
    # for the few that it expects, instead of walking.
    "link": "CASE WHEN orders.link_id = :link_id THEN true ELSE false END",
    "threepl": "CASE WHEN orders.threepl_id = :account THEN true ELSE false END",
    "words": searches.FOUND,
}
_SHOP_OF_LINK = text("SELECT shop_id FROM links WHERE id = :link_id")


@dataclass(frozen=True)
class _Walk:
    """What is walked for a list, under which conditions, with which values."""

    source: _Source
    conditions: frozenset[str]
    values: dict[str, Any]


async def page(
    connection: AsyncConnection, caller: Caller, wanted: Filter, before: Place, limit: int
) -> Page:
    """At most `limit` (200 at the most) of the orders that the caller may see, older than a place.

    A page that is found by words may hold fewer, although there are more: see `LOOKED`.
    """
    walk = await _walk(connection, caller, wanted)
    if walk is None:
        return Page((), None)
    values = {**walk.values, **_bounds(wanted, before), "limit": limit + 1}
    edge = await _edge(connection, walk, values) if wanted.words else None
    rows = await connection.execute(
        _page(walk.source, walk.conditions), values if edge is None else {**values, "since": edge}
    )
    orders = seen.seen(rows)
    if len(orders) > limit:
        return Page(orders[:limit], _place(orders[limit - 1]))
    return Page(orders, None if edge is None else Place(edge, ""))


def shops_of(caller: Caller, *named: str | None) -> frozenset[str] | None:
    """The shops whose orders the caller may see, of those that are named; None: any shop's."""
    own = caller.account if caller.kind == "shop" else None
    limits = [frozenset({shop_id}) for shop_id in (own, *named) if shop_id is not None]
    if caller.clients is not None:
        limits.append(caller.clients)
    return frozenset.intersection(*limits) if limits else None


async def _walk(connection: AsyncConnection, caller: Caller, wanted: Filter) -> _Walk | None:
    """How the list is walked; None: it holds nothing."""
    shops = await _shops(connection, caller, wanted)
    stages = wanted.stages & _OF_THE_SHOP if wanted.holder == "shop" else wanted.stages
    if shops == frozenset() or not stages or (caller.kind == "threepl" and wanted.holder == "shop"):
        return None
    values: dict[str, Any] = {"stages": sorted(stages), "account": caller.account, "link_id": wanted.link_id}
    values |= {"shops": sorted(shops or ()), **searches.values(wanted.words)}
    source = _OF_SHOPS if shops is not None else _OF_THREEPL if caller.kind == "threepl" else _ALL
    return _Walk(source, _conditions(caller, wanted, source), values)


async def _shops(connection: AsyncConnection, caller: Caller, wanted: Filter) -> frozenset[str] | None:
    if wanted.link_id is None:
        return shops_of(caller, wanted.shop_id)
    of_link = (await connection.execute(_SHOP_OF_LINK, {"link_id": wanted.link_id})).scalar_one_or_none()
    return shops_of(caller, wanted.shop_id, of_link) if of_link is not None else frozenset()


def _conditions(caller: Caller, wanted: Filter, source: _Source) -> frozenset[str]:
    held = caller.kind == "threepl" or wanted.holder == "threepl" or wanted.link_id is not None
    chosen = {
        "held": held,
        "unheld": wanted.holder == "shop",
        "link": wanted.link_id is not None,
        "threepl": caller.kind == "threepl" and source is _OF_SHOPS,
        "words": bool(wanted.words),
    }
    return frozenset(name for name, is_chosen in chosen.items() if is_chosen)


def _bounds(wanted: Filter, before: Place) -> dict[str, Any]:
    """Before which place the page begins, and at which moment it ends."""
    if wanted.until is not None and wanted.until < before.at:
        before = Place(wanted.until, "")
    shop_id, _, order_id = before.id.partition("/")
    return {"at": before.at, "shop_id": shop_id, "order_id": order_id, "since": wanted.since or _FIRST}


async def _edge(connection: AsyncConnection, walk: _Walk, values: dict[str, Any]) -> datetime | None:
    """Until when a page looks back for words; None: to the end."""
    edge: datetime | None = (await connection.execute(_edge_of(walk.source), values)).scalar_one()
    return edge


@cache
def _page(source: _Source, conditions: frozenset[str]) -> TextClause:
    """The newest `:limit` orders of all walks; the limits within say that there aren't more than `MOST`."""
    narrowed = "".join(f" AND {_CONDITIONS[name]}" for name in _CONDITIONS if name in conditions)
    merged = f"""
        SELECT walked.* FROM {source.wanted}
        CROSS JOIN LATERAL (SELECT * FROM ({_newest(source, narrowed)} LIMIT {MOST}) AS each LIMIT :limit)
            AS walked
        {_NEWEST} LIMIT {MOST}
    """
    return seen.of_keys(f"SELECT * FROM ({merged}) AS merged LIMIT :limit")


@cache
def _edge_of(source: _Source) -> TextClause:
    last = f"{_newest(source, '')} OFFSET {LOOKED - 1} LIMIT 1"
    return text(f"SELECT max(created_at) FROM {source.wanted} CROSS JOIN LATERAL ({last}) AS last")


def _newest(source: _Source, narrowed: str) -> str:
    """One walk."""
    return f"""
        SELECT orders.shop_id, orders.order_id, orders.created_at FROM orders
        WHERE {source.own} AND orders.version IS NOT NULL AND orders.stage = wanted.stage AND {source.before}
            AND orders.created_at >= :since{narrowed}
        {source.order}
    """


def _place(last: SeenOrder) -> Place:
    return Place(last.created_at, f"{last.order.shop_id}/{last.order.order_id}")

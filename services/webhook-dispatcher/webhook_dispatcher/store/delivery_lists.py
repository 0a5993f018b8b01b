"""Lists of deliveries: those that a caller sees, filtered, page by page, however many wait and are logged.

A page is made of two walks, one in the queue and one in the log. A walk reads one index from its newest end,
as far as the page goes; where it must pass over what isn't wanted, no further than `LOOKED` deliveries. But
where few belong to the links that are meant, or to the order, it reads these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.callers import Caller
from webhook_dispatcher.answers import Status
from webhook_dispatcher.store.seen_deliveries import LOGGED, QUEUED, listed

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries a list holds, of events in [since, until) by their own times; None: any."""

    statuses: frozenset[Status] | None = None
    link_id: str | None = None
    endpoint_id: str | None = None
    shop_id: str | None = None
    order_id: str | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Deliveries, newest first, and the place that the next page begins before; None: there are no more."""

    deliveries: Sequence[Row]
    following: int | None


@dataclass(frozen=True, slots=True)
class _Walk:
    """What is read of a table: rows for which `along` holds, in this order, that meet the conditions.

    An index leads along them in that order, or they are `few`.
    """

    table: str
    along: str
    order: str
    conditions: frozenset[str]
    few: bool = False


@dataclass(frozen=True, slots=True)
class _Scope:
    """Whose the deliveries are, and which links and shops they can be of; None: not known, or too many."""

    threepl_id: str | None
    link_ids: Sequence[str] | None = None
    shop_ids: Sequence[str] | None = None


# A page is at most 200 deliveries and one more; told so, PostgreSQL keeps one plan, which walks.
MOST: Final = 201
# A walk passes over so many deliveries at most; the page then holds fewer, and says where to go on.
LOOKED: Final = 20_000
FEW: Final = 2_000
_MOST_LINKS: Final = 200
_COLUMNS: Final = {"deliveries": QUEUED, "finished": LOGGED}
_UNSENT: Final[frozenset[Status]] = frozenset({"refused", "exhausted", "withdrawn"})
_ENDED: Final[frozenset[Status]] = _UNSENT | {"delivered"}
_CONDITIONS: Final = {
    "account": "threepl_id = :account",
    "clients": "shop_id = ANY(:clients)",
    "link_id": "link_id = :link_id",
    "endpoint_id": "endpoint_id = :endpoint_id",
    "shop_id": "shop_id = :shop_id",
    "order_id": "order_id = :order_id",
    "type": "type = :type",
    "since": "event_time >= :since",
    "until": "event_time < :until",
    "statuses": "status = ANY(:statuses)",
}
_LINK_CONDITIONS: Final = {
    "account": "threepl_id = :account",
    "clients": "shop_id = ANY(:clients)",
    "link_id": "id = :link_id",
    "endpoint_id": "id = (SELECT link_id FROM endpoints WHERE id = :endpoint_id)",
    "shop_id": "shop_id = :shop_id",
}
_ALL: Final = "id < :before AND id >= :edge"
_BY_ID: Final = "id DESC"
# Of one 3PL's; so that no plan goes along all of them by id, looking for a 3PL that has few.
_OF_THREEPL: Final = "(threepl_id, id) < (:threepl_id, :before) AND (threepl_id, id) >= (:threepl_id, :edge)"
_BY_THREEPL: Final = "threepl_id DESC, id DESC"
_DAYS: Final = {"since": "day >= :first_day", "until": "day <= :last_day"}


async def page(connection: AsyncConnection, who: Caller, wanted: Filter, *, before: int, limit: int) -> Page:
    """At most `limit` (200 at the most) of the deliveries that a 3PL or an operator sees, before a place.

    It may hold fewer although there are more: see `LOOKED`.
    """
    values = _values(who, wanted)
    scope = await _scope(connection, who, values)
    if scope is None:
        return Page((), None)
    values |= {"threepl_id": scope.threepl_id, "link_ids": scope.link_ids, "shop_ids": scope.shop_ids}
    values |= {"before": before, "edge": 0, "limit": limit + 1}
    walks = [await _walk(connection, table, wanted, scope, values) for table in _tables(wanted)]
    edges = [await _edge(connection, walk, values) for walk in walks if walk.conditions and not walk.few]
    edge = max((each for each in edges if each is not None), default=None)
    rows = await connection.execute(_page(tuple(walks)), {**values, "edge": edge or 0})
    found = [dict(row) for row in rows.mappings()]
    if len(found) > limit:
        return Page(found[:limit], found[limit - 1]["place"])
    return Page(found, edge)


def _values(who: Caller, wanted: Filter) -> Row:
    """What the conditions are about: those whose names are here hold for the list."""
    values: Row = {each.name: getattr(wanted, each.name) for each in fields(Filter)}
    values["account"] = who.account if who.kind == "threepl" else None
    for name, several in (("clients", who.clients), ("statuses", wanted.statuses)):
        values[name] = None if several is None else sorted(several)
    values["first_day"] = wanted.since and wanted.since.astimezone(UTC).date()
    values["last_day"] = wanted.until and wanted.until.astimezone(UTC).date()
    return {name: value for name, value in values.items() if value is not None}


async def _scope(connection: AsyncConnection, who: Caller, values: Mapping[str, Any]) -> _Scope | None:
    """Which links these conditions leave; None: no link, so no delivery.

    An order's id alone leaves those of a 3PL, as far as it has few.
    """
    whose = values.get("account")
    names = values.keys() & _LINK_CONDITIONS.keys()
    if not names - {"account"} and (whose is None or "order_id" not in values):
        return _Scope(whose)
    query = _links(frozenset(names))
    links = (await connection.execute(query, {name: values[name] for name in names})).all()
    if not links:
        return None
    if len(links) > _MOST_LINKS:
        return _Scope(whose)
    threepls = {link.threepl_id for link in links}
    # A test event of a link that has no shop yet has none either.
    shop_ids = {link.shop_id for link in links if link.shop_id is not None} | {""}
    return _Scope(
        threepls.pop() if len(threepls) == 1 else whose, [link.id for link in links], sorted(shop_ids)
    )


def _tables(wanted: Filter) -> list[str]:
    """Where the deliveries lie."""
    statuses = wanted.statuses or _ENDED | {"waiting"}
    holding = {"deliveries": "waiting" in statuses, "finished": bool(statuses & _ENDED)}
    return [table for table, holds in holding.items() if holds]


async def _walk(
    connection: AsyncConnection, table: str, wanted: Filter, scope: _Scope, values: Mapping[str, Any]
) -> _Walk:
    """The index of a table that leads to what is wanted, and what it doesn't tell."""
    conditions = {name for name in values if name in _CONDITIONS}
    ended = (wanted.statuses or _ENDED) & _ENDED
    if table == "deliveries" or ended == _ENDED:
        conditions.discard("statuses")
    if scope.link_ids is not None:
        few = _Walk(table, _of_few(table, "order_id" in values), _BY_ID, frozenset(conditions), few=True)
        if await _is_few(connection, few, values):
            return few
    if scope.threepl_id is None:
        return _Walk(table, _ALL, _BY_ID, frozenset(conditions))
    conditions.discard("account")
    if table == "deliveries" or not ended <= _UNSENT:
        return _Walk(table, _OF_THREEPL, _BY_THREEPL, frozenset(conditions))
    if ended == _UNSENT:
        conditions.discard("statuses")
    return _Walk(table, f"{_OF_THREEPL} AND status <> 'delivered'", _BY_THREEPL, frozenset(conditions))


def _of_few(table: str, of_order: bool) -> str:
    """The queue's index of orders begins with their links, the log's with their shops."""
    links = "link_id = ANY(:link_ids) AND " if table == "deliveries" else ""
    shops = "shop_id = ANY(:shop_ids)"
    return f"{links}{shops}{' AND order_id = :order_id' if of_order else ''}"


async def _is_few(connection: AsyncConnection, walk: _Walk, values: Mapping[str, Any]) -> bool:
    count: int = (await connection.execute(_count(walk), dict(values))).scalar_one()
    return count <= FEW


async def _edge(connection: AsyncConnection, walk: _Walk, values: Mapping[str, Any]) -> int | None:
    """Down to which delivery a walk looks; None: to the end."""
    edge: int | None = (await connection.execute(_edge_of(walk), dict(values))).scalar_one_or_none()
    return edge


@cache
def _links(conditions: frozenset[str]) -> TextClause:
    narrowed = " AND ".join(_LINK_CONDITIONS[name] for name in sorted(conditions))
    return text(f"SELECT id, shop_id, threepl_id FROM links WHERE {narrowed} LIMIT {_MOST_LINKS + 1}")


@cache
def _count(walk: _Walk) -> TextClause:
    """How many a walk of few has, if they are few."""
    found = f"SELECT FROM {walk.table} WHERE {walk.along}{_days(walk)} LIMIT {FEW + 1}"
    return text(f"SELECT count(*) FROM ({found}) AS found")


@cache
def _edge_of(walk: _Walk) -> TextClause:
    return text(
        f"""
        SELECT id FROM {walk.table} WHERE {walk.along}{_days(walk)}
        ORDER BY {walk.order} OFFSET {LOOKED - 1} LIMIT 1
        """
    )


@cache
def _page(walks: tuple[_Walk, ...]) -> TextClause:
    """The newest `:limit` deliveries of the walks; the limits within say they are at most `MOST`."""
    halves = " UNION ALL ".join(f"(SELECT * FROM ({_newest(each)}) AS newest LIMIT :limit)" for each in walks)
    return listed(f"SELECT * FROM ({halves}) AS merged ORDER BY id DESC LIMIT :limit")


def _newest(walk: _Walk) -> str:
    along = f"{walk.along}{_days(walk)}"
    few = f"(SELECT * FROM {walk.table} WHERE {along} OFFSET 0) AS few WHERE {_ALL}"
    # PostgreSQL can't know of how many deliveries these are true. Written plainly, some other index would
    # tempt it, whose rows it would have to sort.
    narrowed = "".join(
        f" AND CASE WHEN {_CONDITIONS[name]} THEN true ELSE false END" for name in sorted(walk.conditions)
    )
    return f"""
        SELECT {_COLUMNS[walk.table]} FROM {few if walk.few else f"{walk.table} WHERE {along}"}{narrowed}
        ORDER BY {walk.order} LIMIT {MOST}
    """


def _days(walk: _Walk) -> str:
    """Only days of the log in which there can be something."""
    days = sorted(_DAYS[name] for name in walk.conditions & _DAYS.keys())
    return "".join(f" AND {each}" for each in days) if walk.table == "finished" else ""

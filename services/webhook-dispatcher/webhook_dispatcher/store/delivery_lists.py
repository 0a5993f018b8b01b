"""Lists of deliveries: those that a caller sees, filtered, page by page, however many wait and are logged.

A page is made of two walks, one in the queue and one in the log, along the deliveries of a 3PL, or of all;
but where few belong to the links that are meant, or to the order, of these alone.
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
from webhook_dispatcher.store import delivery_walks
from webhook_dispatcher.store.delivery_walks import LOG, QUEUE, Walk

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

    @property
    def ended(self) -> frozenset[Status]:
        """The statuses in the log that are wanted."""
        return _ENDED if self.statuses is None else self.statuses & _ENDED

    @property
    def tables(self) -> list[str]:
        """Where such deliveries lie."""
        waiting = self.statuses is None or "waiting" in self.statuses
        return [table for table, holds in ((QUEUE, waiting), (LOG, bool(self.ended))) if holds]


@dataclass(frozen=True, slots=True)
class Page:
    """Deliveries, newest first, and the place that the next page begins before; None: there are no more."""

    deliveries: Sequence[Row]
    following: int | None


@dataclass(frozen=True, slots=True)
class _Scope:
    """Whose the deliveries are, and which links and shops they can be of; None: not known, or too many."""

    threepl_id: str | None
    link_ids: Sequence[str] | None = None
    shop_ids: Sequence[str] | None = None


_MOST_LINKS: Final = 200
_UNSENT: Final[frozenset[Status]] = frozenset({"refused", "exhausted", "withdrawn"})
_ENDED: Final[frozenset[Status]] = _UNSENT | {"delivered"}
_OF_LINKS: Final = {
    "account": "threepl_id = :account",
    "clients": "shop_id = ANY(:clients)",
    "link_id": "id = :link_id",
    "endpoint_id": "id = (SELECT link_id FROM endpoints WHERE id = :endpoint_id)",
    "shop_id": "shop_id = :shop_id",
}


async def page(connection: AsyncConnection, who: Caller, wanted: Filter, *, before: int, limit: int) -> Page:
    """At most `limit` (200 at the most) of the deliveries that a 3PL or an operator sees, before a place.

    It may hold fewer although there are more: see `delivery_walks.LOOKED`.
    """
    values = _values(who, wanted)
    scope = await _scope(connection, who, values)
    if scope is None:
        return Page((), None)
    values |= {"threepl_id": scope.threepl_id, "link_ids": scope.link_ids, "shop_ids": scope.shop_ids}
    values |= {"before": before, "edge": 0, "limit": limit + 1}
    walks = [await _walk(connection, table, wanted, scope, values) for table in wanted.tables]
    edges = [await _edge(connection, walk, values) for walk in walks if walk.passes_over]
    edge = max((each for each in edges if each is not None), default=None)
    rows = await connection.execute(delivery_walks.page(tuple(walks)), {**values, "edge": edge or 0})
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
    names = values.keys() & _OF_LINKS.keys()
    if not names - {"account"} and (whose is None or "order_id" not in values):
        return _Scope(whose)
    links = (await connection.execute(_links(frozenset(names)), {name: values[name] for name in names})).all()
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


@cache
def _links(conditions: frozenset[str]) -> TextClause:
    narrowed = " AND ".join(_OF_LINKS[name] for name in sorted(conditions))
    return text(f"SELECT id, shop_id, threepl_id FROM links WHERE {narrowed} LIMIT {_MOST_LINKS + 1}")


async def _walk(
    connection: AsyncConnection, table: str, wanted: Filter, scope: _Scope, values: Mapping[str, Any]
) -> Walk:
    """The walk along a table that passes over the least, as far as that is known."""
    conditions = values.keys() & delivery_walks.CONDITIONS.keys()
    if table == QUEUE or wanted.ended == _ENDED:
        conditions -= {"statuses"}
    if scope.link_ids is not None:
        along = _of_few(table, "order_id" in values)
        few = Walk(table, along, delivery_walks.BY_ID, frozenset(conditions), few=True)
        if await _is_few(connection, few, values):
            return few
    if scope.threepl_id is None:
        return Walk(table, delivery_walks.ALL, delivery_walks.BY_ID, frozenset(conditions))
    conditions -= {"account"}
    along = delivery_walks.OF_THREEPL
    if table == LOG and wanted.ended <= _UNSENT:
        along = delivery_walks.UNSENT_OF_THREEPL
        conditions -= {"statuses"} if wanted.ended == _UNSENT else set()
    return Walk(table, along, delivery_walks.BY_THREEPL, frozenset(conditions))


def _of_few(table: str, of_order: bool) -> str:
    """The queue's index of orders begins with their links, the log's with their shops."""
    links = "link_id = ANY(:link_ids) AND " if table == QUEUE else ""
    order = " AND order_id = :order_id" if of_order else ""
    return f"{links}shop_id = ANY(:shop_ids){order}"


async def _is_few(connection: AsyncConnection, walk: Walk, values: Mapping[str, Any]) -> bool:
    found: int = (await connection.execute(delivery_walks.count(walk), dict(values))).scalar_one()
    return found <= delivery_walks.FEW


async def _edge(connection: AsyncConnection, walk: Walk, values: Mapping[str, Any]) -> int | None:
    """Down to which delivery a walk looks; None: to the end."""
    edge: int | None = (
        await connection.execute(delivery_walks.edge(walk), dict(values))
    ).scalar_one_or_none()
    return edge

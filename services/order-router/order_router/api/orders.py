"""Orders as each side sees them: lists, counts, and one with its document, its decision and its history."""

from typing import Annotated, Any

import pydantic_core
from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.api.filters import GivenFilter, OfShop
from order_router.api.parts import GivenCaller, GivenParts, GivenPlace, Limit
from order_router.api.summaries import OrderSummary, summary
from order_router.routing import Decision
from order_router.store import history_pages, order_counts, order_lists, seen
from order_router.store.history_pages import NEWEST, Written
from order_router.store.order_lists import shops_of
from order_router.store.orders import Key
from order_router.store.seen import SeenOrder
from order_router.visibility import decision_for, link_seen_by, sees, subject_for
from shared import pages
from shared.contracts.assignments import Holder, Stage
from shared.contracts.callers import Caller
from shared.errors import not_found
from shared.problems import EVERYWHERE, problems

router = APIRouter(tags=["orders"], responses=EVERYWHERE)

ORDER = "/{shop_id}/{order_id:path}"
FOUND = problems(not_found=404)
FIRST_LINES = 50


class HistoryLine(BaseModel):
    """What happened to an order, and how it then stood; without `who` the router did it.

    `who` is the account that acted. `by`, which of its people or API keys, is told to itself and operators.
    """

    at: AwareDatetime
    act: str
    stage: Stage
    link_id: str | None
    detail: str
    who: str | None
    by: str | None


class HistoryPage(BaseModel):
    """An order's history, newest first; without `next_cursor` it is the last page."""

    history: list[HistoryLine]
    next_cursor: str | None


class OrderDetail(OrderSummary):
    """One order with its document, the decision that routed it (none yet: not routed), and its history.

    The history is the newest 50 lines; with `history_cursor` the older ones follow at `GET /history/…`.
    """

    order: dict[str, Any]
    decision: Decision | None
    history: list[HistoryLine]
    history_cursor: str | None


class OrderPage(BaseModel):
    """Orders, the newest first; without `next_cursor` it is the last page."""

    orders: list[OrderSummary]
    next_cursor: str | None


class OrderCount(BaseModel):
    """So many orders of a shop are in this stage with this holder."""

    shop_id: str
    stage: Stage
    holder: Holder
    orders: int


class OrderCounts(BaseModel):
    """Counts by shop, stage and holder; what isn't named is none."""

    counts: list[OrderCount]


@router.get("/orders", summary="List the orders that one sees, newest first")
async def list_orders(
    caller: GivenCaller, parts: GivenParts, wanted: GivenFilter, before: GivenPlace, limit: Limit = 50
) -> OrderPage:
    """A 3PL sees what it holds, a shop its own orders, an operator all.

    With `text` a page looks at 50,000 orders of a stage: it may hold few or none, and go on at `next_cursor`.
    """
    caller.require("read")
    async with parts.database.transaction() as connection:
        page = await order_lists.page(connection, caller, wanted, before, limit)
    following = pages.write(page.following.at, page.following.id) if page.following else None
    return OrderPage(orders=[summary(caller, each) for each in page.orders], next_cursor=following)


@router.get("/orders/counts", summary="Count the orders that one sees, by shop, stage and holder")
async def count_orders(caller: GivenCaller, parts: GivenParts, shop_id: OfShop = None) -> OrderCounts:
    caller.require("read")
    async with parts.database.transaction() as connection:
        counted = await order_counts.counts(connection, caller, shops_of(caller, shop_id))
    return OrderCounts(counts=[OrderCount(**vars(each)) for each in counted])


@router.get(
    f"/orders{ORDER}", summary="Read one order with its document, decision and history", responses=FOUND
)
async def read_order(shop_id: str, order_id: str, caller: GivenCaller, parts: GivenParts) -> OrderDetail:
    caller.require("read")
    async with parts.database.transaction() as connection:
        found = await theirs(connection, caller, (shop_id, order_id))
        lines, cursor = await _history(connection, caller, found, NEWEST, FIRST_LINES)
    return OrderDetail(
        **dict(summary(caller, found)),
        order=pydantic_core.from_json(found.order.document or "{}"),
        decision=decision_for(caller, found.order),
        history=lines,
        history_cursor=cursor,
    )


@router.get(f"/history{ORDER}", summary="Read what happened to an order, newest first", responses=FOUND)
async def read_history(
    shop_id: str,
    order_id: str,
    caller: GivenCaller,
    parts: GivenParts,
    cursor: Annotated[int, Query(ge=1, le=NEWEST)] = NEWEST,
    limit: Limit = 50,
) -> HistoryPage:
    """A 3PL sees what happened under its link."""
    caller.require("read")
    async with parts.database.transaction() as connection:
        found = await theirs(connection, caller, (shop_id, order_id))
        lines, following = await _history(connection, caller, found, cursor, limit)
    return HistoryPage(history=lines, next_cursor=following)


async def theirs(connection: AsyncConnection, caller: Caller, key: Key) -> SeenOrder:
    """The order, if it is the caller's to see; raises the 404 problem otherwise."""
    found = await seen.one(connection, key)
    if found is None or not sees(caller, found.order):
        raise not_found("order")
    return found


async def _history(
    connection: AsyncConnection, caller: Caller, of: SeenOrder, before: int, limit: int
) -> tuple[list[HistoryLine], str | None]:
    key, link_id = (of.order.shop_id, of.order.order_id), link_seen_by(caller, of.order)
    found = await history_pages.page(connection, key, link_id, before, limit + 1)
    written, following = pages.cut(found, limit, lambda last: str(last.id))
    return [_line(caller, each) for each in written], following


def _line(caller: Caller, written: Written) -> HistoryLine:
    line = written.line
    return HistoryLine(
        at=written.at,
        act=line.act,
        stage=line.stage,
        link_id=line.link_id,
        detail=line.detail,
        who=line.actor.account if line.actor else None,
        by=subject_for(caller, line.actor) if line.actor else None,
    )

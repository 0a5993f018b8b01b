"""A request came: who holds which order, and why."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel

from order_router.routing import Decision
from order_router.store import views
from shared import pages
from shared.contracts.assignments import Holder, Stage
from shared.contracts.callers import Caller
from shared.contracts.links import Settings
from shared.database import Database
from shared.errors import not_found

Limit = Annotated[int, Query(ge=1, le=200, description="Orders a page.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")]


class OrderSummary(BaseModel):
    """An order and who holds it now; `link_id`, `threepl_id` and `settings` are empty while the shop does."""

    shop_id: str
    order_id: str
    number: str
    stage: Stage
    holder: Holder
    threepl_id: str | None
    link_id: str | None
    settings: Settings | None
    sequence: int
    created_at: AwareDatetime


class OrderDetail(OrderSummary):
    """One order with its document and the decision that routed it (none yet: not routed)."""

    order: dict[str, Any]
    decision: Decision | None


class OrderPage(BaseModel):
    """Orders, the newest first; without `next_cursor` it is the last page."""

    orders: list[OrderSummary]
    next_cursor: str | None


def routes(database: Database, caller: Callable[..., Awaitable[Caller]]) -> APIRouter:
    """The router's API; a 3PL sees what it holds, a shop its own orders, an operator all."""
    router = APIRouter(tags=["orders"])
    Who = Annotated[Caller, Depends(caller)]  # noqa: N806

    @router.get("/orders")
    async def list_orders(who: Who, limit: Limit = 50, cursor: Cursor = None) -> OrderPage:
        """The orders the caller may see."""
        who.require("read")
        async with database.transaction() as connection:
            rows = await views.page(connection, who, pages.read(cursor), limit + 1)
        orders, following = pages.cut([OrderSummary.model_validate(row) for row in rows], limit, _cursor)
        return OrderPage(orders=orders, next_cursor=following)

    @router.get("/orders/{shop_id}/{order_id:path}")
    async def read_order(who: Who, shop_id: str, order_id: str) -> OrderDetail:
        """One order with its document and decision; 404 if there is none the caller may see."""
        who.require("read")
        async with database.transaction() as connection:
            row = await views.one(connection, who, shop_id, order_id)
        if row is None:
            raise not_found("order")
        return OrderDetail.model_validate(row)

    return router


def _cursor(order: OrderSummary) -> str:
    return pages.write(order.created_at, f"{order.shop_id}/{order.order_id}")

"""Deliveries: listed, and read with their attempts."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel

from shared.contracts.callers import Caller
from shared.contracts.deliveries import WebhookType
from shared.database import Database
from shared.errors import not_found
from webhook_dispatcher.answers import Outcome, Status
from webhook_dispatcher.api import may_look
from webhook_dispatcher.store import views

Limit = Annotated[int, Query(ge=1, le=200, description="Deliveries a page.")]
Cursor = Annotated[str | None, Query(pattern=r"^\d{1,18}$", description="`next_cursor` of the page before.")]


class Attempt(BaseModel):
    """One POST: what the endpoint answered (the first 16 KiB, as text), or the error that ended it."""

    number: int
    endpoint_id: str
    url: str
    started_at: AwareDatetime
    duration_ms: int
    outcome: Outcome
    status: int | None
    error: str | None
    answer: str


class Delivery(BaseModel):
    """One event for one endpoint.

    `id` is the `webhook-id` of its attempts. `behind`: an earlier delivery of its order is not finished.
    `failures` counts on the retry schedule, `attempts` counts all. A withdrawn one has no endpoint.
    """

    id: str
    endpoint_id: str | None
    url: str | None
    link_id: str
    threepl_id: str
    shop_id: str
    order_id: str
    sequence: int
    type: WebhookType
    status: Status
    behind: bool
    in_flight: bool
    attempts: int
    failures: int
    next_attempt_at: AwareDatetime | None
    created_at: AwareDatetime
    finished_at: AwareDatetime | None


class DeliveryDetail(Delivery):
    """One delivery with its attempts, the first one first."""

    made: list[Attempt]


class DeliveryPage(BaseModel):
    """Deliveries, the newest first; without `next_cursor` it is the last page."""

    deliveries: list[Delivery]
    next_cursor: str | None


def routes(database: Database, caller: Callable[..., Awaitable[Caller]]) -> APIRouter:
    """The deliveries' API."""
    router = APIRouter(tags=["deliveries"])
    Who = Annotated[Caller, Depends(caller)]  # noqa: N806

    @router.get("/deliveries")
    async def list_deliveries(
        who: Who,
        status: Status | None = None,
        link_id: str | None = None,
        shop_id: str | None = None,
        order_id: str | None = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> DeliveryPage:
        """The caller's deliveries, all or those of a status, a link, a shop, an order."""
        may_look(who, "page")
        filters = {"status": status, "link_id": link_id, "shop_id": shop_id, "order_id": order_id}
        before = None if cursor is None else int(cursor)
        async with database.transaction() as connection:
            rows = await views.deliveries(connection, who, filters, before=before, limit=limit + 1)
        shown = rows[:limit]
        return DeliveryPage(
            deliveries=[Delivery.model_validate(row) for row in shown],
            next_cursor=str(shown[-1]["place"]) if len(rows) > limit else None,
        )

    @router.get("/deliveries/{delivery_id}")
    async def read_delivery(who: Who, delivery_id: str) -> DeliveryDetail:
        """One delivery with its attempts."""
        may_look(who, "delivery")
        async with database.transaction() as connection:
            row = await views.delivery(connection, who, delivery_id)
        if row is None:
            raise not_found("delivery")
        return DeliveryDetail.model_validate({**row, "made": [_attempt(each) for each in row["made"]]})

    return router


def _attempt(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "answer": row["answer"].decode("utf-8", "replace")}

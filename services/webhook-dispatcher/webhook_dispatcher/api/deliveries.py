"""Deliveries: listed, and read with their bodies and attempts."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel

from shared.contracts.deliveries import DeliveryType
from shared.errors import not_found
from shared.problems import EVERYWHERE, problems
from webhook_dispatcher.answers import Outcome, Status
from webhook_dispatcher.api import may_look
from webhook_dispatcher.api.filters import GivenFilter
from webhook_dispatcher.api.parts import GivenCaller, GivenParts
from webhook_dispatcher.store import delivery_lists, views

router = APIRouter(prefix="/deliveries", tags=["deliveries"], responses=EVERYWHERE)

FOUND = problems(not_found=404)
NEWEST = 10**18
Limit = Annotated[int, Query(ge=1, le=200, description="Deliveries a page.")]
Cursor = Annotated[int, Query(ge=0, le=NEWEST, description="`next_cursor` of the page before.")]


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
    """One event for one endpoint, or a test event, which is of no order.

    `id` is the `webhook-id` of its attempts. `behind`: an earlier delivery of its order is not finished.
    `failures` counts on the retry schedule, `attempts` counts all. A withdrawn one may have no endpoint.
    Without `next_attempt_at` a waiting one is in flight, behind another, or its endpoint is disabled.
    """

    id: str
    endpoint_id: str | None
    url: str | None
    link_id: str
    threepl_id: str
    shop_id: str | None
    order_id: str | None
    sequence: int
    type: DeliveryType
    event_time: AwareDatetime
    status: Status
    behind: bool
    in_flight: bool
    attempts: int
    failures: int
    next_attempt_at: AwareDatetime | None
    created_at: AwareDatetime
    finished_at: AwareDatetime | None


class DeliveryDetail(Delivery):
    """One delivery with the body that each attempt sends, and its attempts, the first one first."""

    body: str
    made: list[Attempt]


class DeliveryPage(BaseModel):
    """Deliveries, the newest first; without `next_cursor` it is the last page."""

    deliveries: list[Delivery]
    next_cursor: str | None


@router.get("", summary="List the deliveries that one sees, newest first", responses=FOUND)
async def list_deliveries(
    caller: GivenCaller,
    parts: GivenParts,
    wanted: GivenFilter,
    limit: Limit = 50,
    cursor: Cursor = NEWEST,
) -> DeliveryPage:
    """A 3PL sees its own, an operator all: those that wait, and the finished ones that the log still holds.

    A page looks at 20,000 deliveries at most: where few of very many are wanted it may hold fewer than the
    limit, or none, and go on at `next_cursor`.
    """
    may_look(caller, "page")
    async with parts.database.transaction() as connection:
        page = await delivery_lists.page(connection, caller, wanted, before=cursor, limit=limit)
    return DeliveryPage(
        deliveries=[Delivery.model_validate(row) for row in page.deliveries],
        next_cursor=None if page.following is None else str(page.following),
    )


@router.get("/{delivery_id}", summary="Read a delivery with its body and its attempts", responses=FOUND)
async def read_delivery(delivery_id: str, caller: GivenCaller, parts: GivenParts) -> DeliveryDetail:
    may_look(caller, "delivery")
    async with parts.database.transaction() as connection:
        row = await views.delivery(connection, caller, delivery_id)
    if row is None:
        raise not_found("delivery")
    return DeliveryDetail.model_validate({**row, "made": [_attempt(each) for each in row["made"]]})


def _attempt(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "answer": row["answer"].decode("utf-8", "replace")}

"""The orders of a list as a file, CSV or JSON lines, which is written while they are read."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import structlog
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from order_router.api.filters import GivenFilter
from order_router.api.parts import GivenCaller, GivenParts, Parts
from order_router.api.summaries import OrderSummary, summary
from order_router.spreadsheets import lines
from order_router.store import order_lists
from order_router.store.order_lists import Filter
from order_router.store.seen import SeenOrder
from shared.contracts.callers import Caller
from shared.contracts.shipments import Consignment
from shared.pages import START, Place
from shared.problems import EVERYWHERE, Answers

log = structlog.get_logger()

router = APIRouter(prefix="/orders", tags=["orders"], responses=EVERYWHERE)

Format = Literal["csv", "json-lines"]
Orders = Sequence[SeenOrder]
CHUNK = 200  # orders a transaction
ENDINGS: Final[dict[Format, tuple[str, str]]] = {
    "csv": ("csv", "text/csv; charset=utf-8"),
    "json-lines": ("jsonl", "application/x-ndjson"),
}
COLUMNS: Final = (
    "shop_id",
    "order_id",
    "number",
    "stage",
    "holder",
    "threepl_id",
    "link_id",
    "client_reference",
    "requests",
    "carrier",
    "tracking_number",
    "created_at",
    "placed_at",
    "currency",
    "total",
    "buyer",
    "delivery_country",
    "item_count",
)
FILE: Answers = {
    200: {
        "description": "The whole file. One that ends without its last chunk is not whole.",
        "content": {
            media_type.partition(";")[0]: {"schema": {"type": "string"}} for _, media_type in ENDINGS.values()
        },
    }
}


@router.get(
    "/export", summary="Export the orders that one sees", responses=FILE, response_class=StreamingResponse
)
async def export_orders(
    caller: GivenCaller,
    parts: GivenParts,
    wanted: GivenFilter,
    file_format: Annotated[Format, Query(alias="format")] = "csv",
) -> StreamingResponse:
    """Newest first. A JSON line holds what a list says of an order, and its document as `order`.

    A CSV cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    caller.require("read")
    chunks = _chunks(parts, caller, wanted)
    # What fails up to here is still answered in words.
    first = await anext(chunks)
    ending, media_type = ENDINGS[file_format]
    name = f"orders-{datetime.now(UTC):%Y-%m-%d}.{ending}"
    return StreamingResponse(
        _file(caller, file_format, first, chunks),
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _chunks(parts: Parts, caller: Caller, wanted: Filter) -> AsyncIterator[Orders]:
    """All orders of the list, each chunk read in a transaction of its own."""
    place: Place | None = START
    while place is not None:
        async with parts.database.transaction() as connection:
            page = await order_lists.page(connection, caller, wanted, place, CHUNK)
        yield page.orders
        place = page.following


async def _file(
    caller: Caller, file_format: Format, first: Orders, rest: AsyncIterator[Orders]
) -> AsyncIterator[str]:
    """The file piece by piece; a failure ends the connection, so that nobody takes it for whole."""
    write: Callable[[Caller, Orders], str] = _csv if file_format == "csv" else _json_lines
    if file_format == "csv":
        yield lines([COLUMNS])
    yield write(caller, first)
    exported = len(first)
    async for orders in rest:
        yield write(caller, orders)
        exported += len(orders)
    log.info("orders.exported", account=caller.account, format=file_format, orders=exported)


def _csv(caller: Caller, orders: Orders) -> str:
    return lines(_row(summary(caller, each)) for each in orders)


def _json_lines(caller: Caller, orders: Orders) -> str:
    return "".join(_json_line(summary(caller, each), each.order.document or "{}") for each in orders)


def _json_line(order: OrderSummary, document: str) -> str:
    """The document is one line of JSON already."""
    return f'{order.model_dump_json()[:-1]},"order":{document}}}\n'


def _row(order: OrderSummary) -> Iterable[object]:
    said: dict[str, Any] = {
        **order.model_dump(mode="json"),
        "client_reference": order.settings.client_reference if order.settings else "",
        "requests": " ".join(request.kind for request in order.requests),
        "carrier": order.consignment.carrier if order.consignment else "",
        "tracking_number": _tracking_numbers(order.consignment) if order.consignment else "",
    }
    return (said[name] for name in COLUMNS)


def _tracking_numbers(consignment: Consignment) -> str:
    numbers = [consignment.tracking_number, *(parcel.tracking_number for parcel in consignment.parcels)]
    return " ".join(filter(None, numbers))

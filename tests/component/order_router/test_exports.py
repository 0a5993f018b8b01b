"""Orders exported as CSV and JSON lines: the list, whole, or nothing that looks like it."""

import asyncio
import csv
import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from structlog.testing import capture_logs

from order_router.api.exporting import CHUNK, COLUMNS
from shared.contracts.shipments import Consignment, Parcel
from tests.builders import NOW, SHOP, THREEPL, link
from tests.component.order_router.reading import Reading, arrived, having, json_lines, reading
from tests.conftest import MakeDatabase
from tests.harness import until

DHL = Consignment(carrier="DHL", tracking_number="JD1", parcels=(Parcel(tracking_number="JD2"),))


@pytest.fixture
async def api(make_database: MakeDatabase) -> AsyncIterator[Reading]:
    async with reading(make_database) as made:
        yield made


async def lay(api: Reading, number: int) -> None:
    await api.link(link())
    outcomes = [arrived(f"{each:04}", link(), client={"name": f'=1+{each}, "Ada"'}) for each in range(number)]
    shipped = [
        having(each, stage="shipped", consignment=DHL) if place % 2 else each
        for place, each in enumerate(outcomes)
    ]
    await api.lay(*shipped, apart=timedelta(seconds=1))


def rows(content: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(content, newline="")))


async def test_an_export_holds_what_the_list_does(api: Reading) -> None:
    await lay(api, 2 * CHUNK + 3)
    listed = await api.all_pages(THREEPL, 200)
    lines = await api.ask("/orders/export", THREEPL, format="json-lines")
    exported = json_lines(lines.text)
    assert [{**order, "order": None} for order in exported] == [{**order, "order": None} for order in listed]
    assert {order["order"]["lines"][0]["sku"] for order in exported} == {"MUG"}
    table = await api.ask("/orders/export", THREEPL)
    assert [row["order_id"] for row in rows(table.text)] == [order["order_id"] for order in listed]
    assert table.headers["content-disposition"].startswith('attachment; filename="orders-')
    assert (table.headers["content-type"], lines.headers["content-type"]) == (
        "text/csv; charset=utf-8",
        "application/x-ndjson",
    )


async def test_an_export_is_filtered_as_a_list_is(api: Reading) -> None:
    await lay(api, 6)
    query = {"stage": "shipped", "text": "000", "until": (NOW + timedelta(seconds=4)).isoformat()}
    exported = rows((await api.ask("/orders/export", SHOP, None, **query)).text)
    assert [row["order_id"] for row in exported] == ["0003", "0001"]
    assert rows((await api.ask("/orders/export", SHOP, holder="shop")).text) == []
    assert (await api.ask("/orders/export", SHOP, format="xlsx")).status_code == 422


async def test_a_row_holds_an_order_and_no_formula(api: Reading) -> None:
    await lay(api, 2)
    [row, _] = rows((await api.ask("/orders/export", SHOP)).text)
    assert tuple(row) == COLUMNS
    assert row == {
        "shop_id": SHOP,
        "order_id": "0001",
        "number": "#0001",
        "stage": "shipped",
        "holder": "threepl",
        "threepl_id": THREEPL,
        "link_id": "link-1",
        "client_reference": "",
        "requests": "",
        "carrier": "DHL",
        "tracking_number": "JD1 JD2",
        "created_at": "2026-11-23T12:00:01Z",
        "placed_at": "",
        "currency": "EUR",
        "total": "24.00",
        "buyer": '\'=1+1, "Ada"',
        "delivery_country": "",
        "item_count": "2",
    }


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The API as uvicorn serves it, with nothing started beside it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve([listening]))

        async def started() -> bool:
            assert not server.should_exit, "it could not start"
            return server.started

        await until("the server has started", started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


@pytest.mark.parametrize("file_format", ["csv", "json-lines"])
async def test_a_failure_in_the_middle_ends_the_connection(api: Reading, file_format: str) -> None:
    await lay(api, 2 * CHUNK)
    await api.execute("UPDATE orders SET settings = 'broken' WHERE order_id = '0000'")
    request: dict[str, Any] = {"headers": api.headers(SHOP), "params": {"format": file_format}}
    async with served(api.app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        # Written out, the failures would take longer than all else.
        with capture_logs():
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("/orders/export", **request)
            await api.execute("UPDATE orders SET settings = 'broken'")
            answer = await client.get("/orders/export", **request)
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")

"""`orderdock orders` at a running order-router: fulfilled, shipped, taken over, given to a link, answered."""

import json
from pathlib import Path

import pytest

from tests.component.command_line.routing import SHOP, THREEPL, Stock
from tests.component.command_line.test_orders import ODD

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_order_goes_from_one_stage_to_the_next(stock: Stock) -> None:
    [name] = await stock.has(ODD)
    for act, stage in ("start", "picking"), ("queue", "queued"):
        assert (await stock.desk.ask("orders", act, name, *THREEPL))["stage"] == stage
    parcels = ["--parcel", "weight=1200,length=300,width=200,height=150", "--parcel", "tracking_number=JJD02"]
    sent = ["--carrier", "DHL", "--tracking-number", "JJD01", *parcels]
    shipped = await stock.desk.run("orders", "ship", name, *sent, *THREEPL)
    assert shipped.out.startswith(f"Order #{ODD} ({name}) is shipped, with T-")
    shown = (await stock.desk.run("orders", "show", name, *THREEPL)).out
    for cell in "DHL JJD01", "parcel 1: 1200 g 300 × 200 × 150 mm", "parcel 2: JJD02":
        assert cell in shown
    for act, stage in ("deliver", "delivered"), ("return", "returned"):
        assert (await stock.desk.ask("orders", act, name, *THREEPL))["stage"] == stage
    late = await stock.desk.run("orders", "start", name, *THREEPL)
    assert late.exit_code == 1
    assert late.error.startswith("The order is returned; start is for orders that are open.")


async def test_a_shop_takes_orders_over_gives_them_to_a_link_and_is_answered(stock: Stock) -> None:
    [first, second] = await stock.has("1", "2")
    taken = await stock.desk.run("orders", "take-over", first, second, *SHOP)
    assert taken.exit_code == 0
    assert taken.out.count("open, with the shop") == 2
    assert taken.out.endswith("Done: 2 orders.\n")
    given = await stock.desk.ask("orders", "assign", first, second, "--link", stock.link_id, *SHOP)
    assert [each["order"]["link_id"] for each in given["outcomes"]] == [stock.link_id] * 2
    await stock.desk.ask("orders", "start", first, second, *THREEPL)
    await stock.desk.ask("orders", "take-over", first, second, *SHOP)
    kind = ["--kind", "take_over"]
    refused = await stock.desk.ask("orders", "refuse", first, *kind, *THREEPL)
    assert (refused["holder"], refused["requests"]) == ("threepl", [])
    answered = await stock.desk.ask("orders", "accept", second, *kind, *THREEPL)
    assert (answered["holder"], answered["stage"]) == ("shop", "open")
    nothing = await stock.desk.run("orders", "refuse", first, second, *kind, *THREEPL)
    assert (nothing.exit_code, "No take-over of this order waits" in nothing.out) == (1, True)


async def test_of_many_orders_each_has_its_outcome_and_one_refusal_is_exit_code_1(stock: Stock) -> None:
    [first, second] = await stock.has("1", "2")
    [missing] = stock.names("nowhere")
    said = await stock.desk.run("orders", "start", first, missing, second, first, *THREEPL)
    assert said.exit_code == 1
    assert "There is no such order." in said.out
    assert said.out.endswith("Done: 2 of 3 orders. Refused: 1.\n")
    told = await stock.desk.run("orders", "queue", first, missing, second, "--json", *THREEPL)
    assert (told.exit_code, told.document["refused"]) == (1, 1)
    stages = [each["order"] and each["order"]["stage"] for each in told.document["outcomes"]]
    assert stages == ["queued", None, "queued"]


async def test_more_orders_than_one_call_takes_come_from_a_file(stock: Stock, tmp_path: Path) -> None:
    names, file = await stock.has(*map(str, range(1001))), tmp_path / "orders"
    file.write_text("\n".join([*names, "", names[0]]) + "\r\n")
    said = await stock.desk.run("orders", "start", "--from-file", str(file), "--json", *THREEPL)
    assert said.exit_code == 0, said.error
    assert said.error.splitlines() == ["1,000 of 1,001 orders …", "1,001 of 1,001 orders …"]
    assert [each["order_id"] for each in said.document["outcomes"]] == list(map(str, range(1001)))
    again = await stock.desk.run("orders", "queue", "--from-file", "-", *THREEPL, typed="\n".join(names))
    assert again.out.endswith("Done: 1,001 orders.\n")


async def test_each_order_of_a_file_is_shipped_with_what_its_line_says(stock: Stock) -> None:
    [first, _, third] = await stock.has("1", "2", "3")
    own = {"shop_id": stock.shop, "order_id": "2", "carrier": "UPS", "parcels": [{"weight": 700}]}
    lines = f"{first}\tJJD01\n{json.dumps(own)}\n{third}\n"
    arguments = ["--carrier", "DHL", "--from-file", "-", *THREEPL]
    told = await stock.desk.ask("orders", "ship", *arguments, typed=lines)
    sent = [each["order"]["consignment"] for each in told["outcomes"]]
    assert [(each["carrier"], each["tracking_number"]) for each in sent] == [
        ("DHL", "JJD01"),
        ("UPS", ""),
        ("DHL", ""),
    ]
    assert [parcel["weight"] for parcel in sent[1]["parcels"]] == [700]

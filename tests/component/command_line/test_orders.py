"""`orderdock orders` at a running order-router: listed, counted, shown, explained, tried and exported."""

import csv
import json
from pathlib import Path

import pytest

from tests.component.command_line.routing import SHOP, THREEPL, Stock

pytestmark = pytest.mark.asyncio(loop_scope="session")

ODD = "A/7 b?#%"


async def test_orders_are_listed_by_what_they_have_and_shown_by_their_name(stock: Stock) -> None:
    [name, _] = await stock.has(ODD, "2", placed_at="2026-11-20T10:00:00Z")
    table = (await stock.desk.run("orders", "list", *THREEPL)).out
    for cell in name, f"#{ODD}", "open", "Ada", "24.00 EUR", "2026-11-20 10:00":
        assert cell in table
    await stock.desk.ask("orders", "start", name, *THREEPL)
    for filters in (
        ["--stage", "picking", "--stage", "queued"],
        ["--text", "a/7 ada", "--link", stock.link_id, "--holder", "threepl"],
        ["--shop", stock.shop, "--since", "2026-01-01", "--stage", "picking"],
    ):
        found = await stock.desk.ask("orders", "list", *filters, *SHOP)
        assert [each["order_id"] for each in found] == [ODD], filters
    cut = await stock.desk.run("orders", "list", "--limit", "1", *SHOP)
    assert "There are more" in cut.out
    none = await stock.desk.run("orders", "list", "--until", "2026-01-01T08:00+01:00", *SHOP)
    assert none.out == "There are no such orders.\n"
    shown = await stock.desk.ask("orders", "show", name, *SHOP)
    assert (shown["order"]["id"], [line["act"] for line in shown["history"]]) == (ODD, ["start", "routed"])


async def test_an_order_is_shown_with_what_is_asked_of_it_and_its_history(stock: Stock) -> None:
    [name] = await stock.has("1")
    await stock.desk.ask("orders", "start", name, *THREEPL)
    asked = await stock.desk.run("orders", "take-over", name, *SHOP)
    assert asked.out.startswith(f"Order #1 ({name}) is picking, with T-")
    assert "; take-over asked for, unanswered it lapses 20" in asked.out
    table = (await stock.desk.run("orders", "show", name, *THREEPL)).out
    for cell in (
        "2 × MUG",
        "take-over asked for",
        "charge to 3PL",
        f"link {stock.link_id}",
        "take over requested",
    ):
        assert cell in table, cell
    cut = await stock.desk.run("orders", "show", name, "--limit", "1", "--json", *THREEPL)
    assert [line["act"] for line in cut.document["history"]] == ["take_over_requested"]
    assert "There are more" in (await stock.desk.run("orders", "show", name, "--limit", "1", *THREEPL)).out


async def test_a_history_longer_than_what_comes_with_the_order_is_read_on(stock: Stock) -> None:
    [name] = await stock.has("1")
    await stock.desk.ask("orders", "start", name, *THREEPL)
    for _ in range(25):
        await stock.desk.ask("orders", "take-over", name, *SHOP)
        await stock.desk.ask("orders", "refuse", name, "--kind", "take_over", *THREEPL)
    shown = await stock.desk.ask("orders", "show", name, "--limit", "60", *SHOP)
    assert [shown["history"][0]["act"], len(shown["history"])] == ["take_over_refused", 52]


async def test_orders_are_counted_by_stage_and_holder(stock: Stock) -> None:
    [name, _, third] = await stock.has("1", "2", "3")
    await stock.desk.ask("orders", "start", name, *THREEPL)
    await stock.desk.ask("orders", "take-over", third, *SHOP)
    counted = (await stock.desk.ask("orders", "counts", *SHOP))["counts"]
    assert {(each["stage"], each["holder"]): each["orders"] for each in counted} == {
        ("open", "shop"): 1,
        ("open", "threepl"): 1,
        ("picking", "threepl"): 1,
    }
    *_, last, _ = (await stock.desk.run("orders", "counts", *SHOP)).out.splitlines()
    assert [cell for cell in last.split() if cell != "│"] == ["all", "2", "1", "3"]
    assert "all" not in (await stock.desk.run("orders", "counts", *THREEPL)).out.splitlines()[-2]


async def test_why_an_order_went_where_it_went_is_told_of_each_link(stock: Stock) -> None:
    [name] = await stock.has("1")
    said = (await stock.desk.run("orders", "explain", name, *SHOP)).out
    assert said.endswith(f"The router sent it to link {stock.link_id}: link {stock.link_id} comes first.\n")
    assert "chosen" in said
    document = await stock.desk.ask("orders", "explain", name, *SHOP)
    assert document["verdicts"] == [{"link_id": stock.link_id, "reason": "chosen"}]


async def test_rules_are_tried_on_the_last_orders_and_change_nothing(stock: Stock) -> None:
    await stock.has("1", "2")
    condition = {"field": "sku", "operator": "in", "value": ["TEAPOT"]}
    rules = json.dumps({"rules": [{"conditions": [condition]}]})
    simulate = ["orders", "simulate", "--link", stock.link_id, "--file", "-", *SHOP]
    said = await stock.desk.run(*simulate, typed=rules)
    assert said.exit_code == 0, said.error
    assert said.out.endswith("Of 2 orders, 2 would go elsewhere; daily limits have no part in it.\n")
    assert "-2" in said.out
    assert "Orders tried: 2 of 2" in said.error
    result = await stock.desk.ask(*simulate, "--last", "1", typed=rules)
    assert (result["moving"], result["shop"]) == (1, {"now": 0, "proposed": 1})
    kept = await stock.desk.ask("orders", "simulate", "--link", stock.link_id, "--share", "3", *SHOP)
    assert kept["moving"] == 0
    assert (await stock.desk.ask("links", "rules", stock.link_id, *SHOP))["rules"] == []
    wrong = await stock.desk.run(*simulate, typed='{"rules": [{"conditions": []}]}')
    assert wrong.exit_code == 1
    assert wrong.error.startswith("rules.rules.0.conditions: ")


async def test_orders_are_exported_to_stdout_or_a_file_and_acted_on_from_there(
    stock: Stock, tmp_path: Path
) -> None:
    await stock.has(ODD, "2")
    rows = list(csv.DictReader((await stock.desk.run("orders", "export", *THREEPL)).out.splitlines()))
    assert {row["order_id"]: row["total"] for row in rows} == {ODD: "24.00", "2": "24.00"}
    lines = (await stock.desk.run("orders", "export", "--json", "--text", "a/7", *THREEPL)).out
    assert [json.loads(line)["order"]["id"] for line in lines.splitlines()] == [ODD]
    file = tmp_path / "orders.jsonl"
    to_file = ["--format", "json-lines", "--output", str(file)]
    said = await stock.desk.run("orders", "export", *to_file, *THREEPL)
    assert said.out == f"The orders are in {file}.\n"
    assert (await stock.desk.ask("orders", "export", *to_file, *THREEPL))["format"] == "json-lines"
    started = await stock.desk.ask("orders", "start", "--from-file", str(file), *THREEPL)
    assert {each["order_id"] for each in started["outcomes"]} == {ODD, "2"}

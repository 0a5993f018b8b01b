"""Orders as they are seen: up to their link and the time at once, and what a tab shows."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.builders import NOW, SHOP, THREEPL, link
from tests.component.order_router.reading import Reading, arrived, having, reading
from tests.conftest import MakeDatabase


@pytest.fixture
async def api(make_database: MakeDatabase) -> AsyncIterator[Reading]:
    async with reading(make_database) as made:
        yield made


def keys(orders: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(order["shop_id"], order["order_id"]) for order in orders]


async def test_an_open_order_is_the_shops_from_the_moment_that_its_link_moves_on(api: Reading) -> None:
    await api.link(link())
    await api.lay(arrived("1", link()), having(arrived("2", link()), stage="picking"))
    assert len(await api.all_pages(THREEPL, 10)) == 2
    await api.link(link(status="inactive", epoch=1, version=2))
    assert keys(await api.all_pages(THREEPL, 10)) == [(SHOP, "2")]
    assert keys(await api.all_pages(SHOP, 10, holder="shop")) == [(SHOP, "1")]
    assert keys(await api.all_pages(SHOP, 10, link_id="link-1")) == [(SHOP, "2")]
    listed = {order["order_id"]: order for order in await api.all_pages(SHOP, 10)}
    assert (listed["1"]["holder"], listed["1"]["link_id"], listed["1"]["settings"]) == ("shop", None, None)
    assert (await api.ask(f"/orders/{SHOP}/1", THREEPL)).status_code == 404
    assert (await api.ask(f"/explain/{SHOP}/1", THREEPL)).status_code == 404
    assert (await api.get(f"/orders/{SHOP}/1", SHOP))["holder"] == "shop"


async def test_newer_settings_meant_for_open_orders_are_shown_at_once(api: Reading) -> None:
    await api.link(link())
    await api.lay(arrived("1", link()), having(arrived("2", link()), stage="picking"))
    newer = {"client_reference": {"value": "ACME", "version": 2}}
    await api.link(link(version=2, settings={"client_reference": "ACME"}, open_settings=newer))
    listed = {order["order_id"]: order for order in await api.all_pages(THREEPL, 10)}
    shown = {order_id: order["settings"]["client_reference"] for order_id, order in listed.items()}
    assert shown == {"1": "ACME", "2": ""}


async def test_a_summary_tells_what_an_orders_tab_shows(api: Reading) -> None:
    held = link(settings={"webhook_url": "https://threepl.example/token"})
    await api.link(held)
    outcome = arrived("1", held, placed_at="2026-11-20T10:00:00+01:00")
    await api.lay(having(outcome, stage="picking", requests={"take_over": NOW, "cancellation": NOW}))
    await api.execute(
        "UPDATE orders SET take_over_requested_at = now() - interval '23 hours',"
        " cancellation_requested_at = now() - interval '25 hours'"
    )
    [told] = await api.all_pages(THREEPL, 10)
    assert [request["kind"] for request in told["requests"]] == ["take_over"]
    told = {name: value for name, value in told.items() if name not in ("requests", "sequence")}
    settings = told.pop("settings")
    assert told == {
        "shop_id": SHOP,
        "order_id": "1",
        "number": "#1",
        "stage": "picking",
        "holder": "threepl",
        "threepl_id": THREEPL,
        "link_id": "link-1",
        "consignment": None,
        "created_at": "2026-11-23T12:00:00Z",
        "placed_at": "2026-11-20T10:00:00+01:00",
        "currency": "EUR",
        "total": "24.00",
        "buyer": "Ada",
        "delivery_country": "DE",
        "item_count": 2,
    }
    assert settings["webhook_url"] == "https://threepl.example/token"
    [shops] = await api.all_pages(SHOP, 10)
    assert shops["settings"]["webhook_url"] is None


async def test_an_order_whose_document_makes_no_sense_any_more_is_listed_without_it(api: Reading) -> None:
    await api.lay(arrived("1"))
    await api.execute("""UPDATE orders SET document = '{"lines": 7}'""")
    [told] = await api.all_pages(SHOP, 10)
    assert (told["order_id"], told["total"], told["item_count"]) == ("1", None, None)
    assert (await api.get(f"/orders/{SHOP}/1", SHOP))["order"] == {"lines": 7}

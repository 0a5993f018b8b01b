"""Both sides act on orders over HTTP: what becomes of them, and what `assignments` is told."""

from typing import Any

import httpx

from tests.builders import SHOP, THREEPL, account_id, link_message, order, order_event
from tests.component.order_router.router import Router
from tests.harness import until

DHL = {"carrier": "DHL", "tracking_number": "JJD01", "parcels": [{"weight": 1200}]}


class Side:
    """Calls of one account."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.headers)

    async def act(self, order_id: str, act: str, body: Any = None) -> dict[str, Any]:
        answer = await self.post(f"/orders/{SHOP}/{order_id}/{act}", body)
        assert answer.status_code == 200, answer.text
        state: dict[str, Any] = answer.json()
        return state


def sides(router: Router, client: httpx.AsyncClient) -> tuple[Side, Side]:
    tokens = router.tokens
    return Side(client, tokens.headers(SHOP, "shop")), Side(client, tokens.headers(THREEPL, "threepl"))


async def test_an_order_is_asked_back_refused_shipped_and_delivered(router: Router) -> None:
    terms = {"charge_to": "shop", "client_reference": "ACME"}
    await router.publish(("links", "link-1", link_message(settings=terms)))
    await router.publish(("orders.created", "1", order_event(order("1"))))
    async with router.start() as client:
        shop, threepl = sides(router, client)
        await router.said(1)
        started = await threepl.act("1", "start")
        asked = await shop.act("1", "take-over")
        refused = await threepl.act("1", "requests/take_over/refuse")
        asked_again = await shop.act("1", "take-over")
        shipped = await threepl.act("1", "ship", DHL)
        delivered = await threepl.act("1", "deliver")
        late = await shop.post(f"/orders/{SHOP}/1/take-over")
        said = await router.said(8)
        seen = await router.order(client, "1")
    assert [each["stage"] for each in (started, asked, shipped, delivered)] == [
        "picking",
        "picking",
        "shipped",
        "delivered",
    ]
    assert [request["kind"] for request in asked["requests"]] == ["take_over"]
    assert (refused["requests"], len(asked_again["requests"]), shipped["requests"]) == ([], 1, [])
    assert (late.status_code, late.json()["type"].rpartition("/")[2]) == (409, "wrong-stage")
    [shipment] = await router.shipments()
    assert [each["sequence"] for each in said] == list(range(1, 9))
    assert [(each["request"] or {}).get("status") for each in said] == [
        *(None, None, "open", "refused", "open", "refused", None, None)
    ]
    assert (shipment["charge_to"], shipment["client_reference"]) == ("shop", "ACME")
    assert (shipment["sequence"], shipment["parcels"][0]["weight"]) == (7, 1200)
    assert seen["stage"] == "delivered"


async def test_many_orders_are_acted_on_at_once_each_with_its_outcome(router: Router) -> None:
    await router.publish(("links", "link-1", link_message()))
    await router.publish(*(("orders.created", str(n), order_event(order(str(n)))) for n in range(1000)))
    async with router.start() as client:
        shop, threepl = sides(router, client)
        await router.said(1000)
        await threepl.act("7", "ship", DHL)
        ids = [{"shop_id": SHOP, "order_id": str(n)} for n in range(1, 1001)]
        started = (await threepl.post("/orders/start", {"orders": ids})).json()
        twice = await threepl.post("/orders/start", {"orders": [ids[0], ids[0]]})
        too_many = await threepl.post("/orders/start", {"orders": [*ids, {"shop_id": SHOP, "order_id": "x"}]})
        wrong_side = await shop.post("/orders/start", {"orders": ids[:1]})
        asked = (await shop.post("/orders/take-over", {"orders": ids[:2]})).json()
        answers = [{**each, "kind": "take_over", "accept": True} for each in ids[:2]]
        answered = (await threepl.post("/orders/answer", {"orders": answers})).json()
        assignees = [{**each, "link_id": "link-1"} for each in ids[:2]]
        assigned = (await shop.post("/orders/assign", {"orders": assignees})).json()
        consignments = [{**each, **DHL} for each in ids[:2]]
        shipped = (await threepl.post("/orders/ship", {"orders": consignments})).json()
    by_id = {each["order_id"]: each for each in started["outcomes"]}
    assert started["refused"] == 2
    assert by_id["7"]["problem"]["type"].endswith("/wrong-stage")
    assert by_id["1000"]["problem"]["status"] == 404
    assert by_id["8"]["order"]["stage"] == "picking"
    assert (twice.status_code, too_many.status_code, wrong_side.status_code) == (422, 422, 403)
    assert [each["order"]["requests"][0]["kind"] for each in asked["outcomes"]] == ["take_over"] * 2
    assert [each["order"]["holder"] for each in answered["outcomes"]] == ["shop"] * 2
    assert [each["order"]["link_id"] for each in assigned["outcomes"]] == ["link-1"] * 2
    assert [each["order"]["stage"] for each in shipped["outcomes"]] == ["shipped"] * 2


async def test_who_may_act(router: Router) -> None:
    await router.publish(("links", "link-1", link_message()))
    await router.publish(("orders.created", "1", order_event(order("1"))))
    headers = router.tokens.headers
    refused = [
        (headers(THREEPL, "threepl", roles={"support"}), 403),
        (headers(THREEPL, "threepl", scopes={"read"}), 403),
        (headers(account_id("operator", 1), "operator"), 403),
        (headers(SHOP, "shop"), 403),
        (headers(account_id("threepl", 2), "threepl"), 404),
        (headers(THREEPL, "threepl", clients={account_id("shop", 2)}), 404),
        ({}, 401),
    ]
    async with router.start() as client:
        await router.said(1)
        for who, status in refused:
            answer = await client.post(f"/orders/{SHOP}/1/start", headers=who)
            assert answer.status_code == status, answer.text
        warehouse = headers(THREEPL, "threepl", roles={"warehouse"}, clients={SHOP})
        assert (await client.post(f"/orders/{SHOP}/1/start", headers=warehouse)).status_code == 200


async def test_a_cancellation_of_a_begun_order_is_a_request_that_lapses(router: Router) -> None:
    await router.publish(("links", "link-1", link_message()))
    await router.publish(("orders.created", "1", order_event(order("1"))))
    async with router.start() as client:
        _, threepl = sides(router, client)
        await router.said(1)
        await threepl.act("1", "start")
        await router.publish(("orders.cancelled", "1", order_event(order("1"), act="cancelled")))
        said = await router.said(3)
        assert said[-1]["request"]["kind"] == "cancellation"
        await router.execute("UPDATE orders SET cancellation_requested_at = now() - interval '24 hours'")
        late = await threepl.post(f"/orders/{SHOP}/1/requests/cancellation/accept")
        assert late.status_code == 409

        async def lapsed() -> bool:
            return [each["request"]["status"] for each in await router.assignments() if each["request"]] == [
                "open",
                "lapsed",
            ]

        await until("the request has lapsed", lapsed)
        again = order_event(order("1", note="still"), act="cancelled")
        await router.publish(("orders.cancelled", "1", again))
        said = await router.said(5)
    assert (said[-1]["request"], said[-1]["stage"]) == (None, "picking")

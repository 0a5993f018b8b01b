"""A link's daily limit is exact, however many routers and batches count at once."""

from collections import Counter

from tests.builders import SHOP, account_id, link_message, order, order_event
from tests.component.order_router.router import Router
from tests.harness import until

LIMIT = 123
ORDERS = 1500


async def test_no_more_orders_go_to_a_link_than_it_takes_a_day(router: Router) -> None:
    first = link_message(rules={"daily_limit": LIMIT, "priority": 1})
    second = link_message(id="link-2", threepl_id=account_id("threepl", 2), rules={"priority": 2})
    await router.publish(("links", "link-1", first), ("links", "link-2", second))
    topics = ("orders.created", "orders.updated", "orders.cancelled")
    await router.publish(
        *((topics[n % 3], str(n), order_event(order(str(n)), act="created")) for n in range(ORDERS))
    )
    async with router.start(), router.start() as client:
        said = await router.said(ORDERS)
        late = next(each["order_id"] for each in said if each["link_id"] == "link-2")
        verdicts = (await router.order(client, late))["decision"]["verdicts"]
        reasons = {each["link_id"]: each["reason"] for each in verdicts}
    assert Counter(each["link_id"] for each in said) == {"link-1": LIMIT, "link-2": ORDERS - LIMIT}
    assert reasons == {"link-1": f"its daily limit of {LIMIT} orders is reached", "link-2": "chosen"}


async def test_what_comes_back_gives_nothing_back_and_the_shop_may_assign_beyond_the_limit(
    router: Router,
) -> None:
    await router.publish(("links", "link-1", link_message(rules={"daily_limit": 2})))
    await router.publish(*(("orders.created", "k", order_event(order(str(n)))) for n in range(2)))
    async with router.start() as client:
        shop = router.tokens.headers(SHOP, "shop")
        await router.said(2)
        assert (await client.post(f"/orders/{SHOP}/0/take-over", headers=shop)).status_code == 200
        await router.publish(("orders.created", "k", order_event(order("2"))))
        held_back = await router.order(client, "2")
        by_hand = await client.post(f"/orders/{SHOP}/2/assign", headers=shop, json={"link_id": "link-1"})
        again = await client.post(f"/orders/{SHOP}/0/assign", headers=shop, json={"link_id": "link-1"})
        await router.publish(("links", "link-1", link_message(version=2, rules={"daily_limit": 4})))

        async def raised() -> bool:
            return bool(await router.rows("SELECT id FROM links WHERE version = 2"))

        await until("the limit is raised", raised)
        await router.publish(*(("orders.created", "k", order_event(order(str(n)))) for n in (3, 4)))
        await router.order(client, "4")
        rows = await router.rows("SELECT order_id FROM orders WHERE link_id = 'link-1' ORDER BY order_id")
    assert held_back["holder"] == "shop"
    assert (by_hand.json()["holder"], again.json()["holder"]) == ("threepl", "threepl")
    # Orders 0, 1 and, by hand, 2 have counted; the limit of 4 leaves room for one.
    assert [row["order_id"] for row in rows] == ["0", "1", "2", "3"]


async def test_an_unlimited_link_counts_too_so_that_a_limit_may_come_at_noon(router: Router) -> None:
    await router.publish(("links", "link-1", link_message()))
    await router.publish(*(("orders.created", "k", order_event(order(str(n)))) for n in range(5)))
    async with router.start() as client:
        await router.said(5)
        await router.publish(("links", "link-1", link_message(version=2, rules={"daily_limit": 5})))

        async def limited() -> bool:
            return bool(await router.rows("SELECT id FROM links WHERE version = 2"))

        await until("the limit is known", limited)
        await router.publish(("orders.created", "k", order_event(order("5"))))
        assert (await router.order(client, "5"))["holder"] == "shop"

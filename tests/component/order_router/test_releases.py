"""A link with many open orders ends in one act: they are the shop's at once, and new orders don't wait."""

from tests.builders import SHOP, THREEPL, account_id, link_message, order, order_event
from tests.component.order_router.router import Router
from tests.harness import until

OPEN = 100_000
FILL = f"""
    INSERT INTO orders (shop_id, order_id, version, topic, partition, "offset", document, number, routed,
        routable, link_id, threepl_id, epoch, settings, settings_version, assigned_links, sequence)
    SELECT '{SHOP}', 'old-' || n, 1, 'orders.created', 0, n, '{{"id": "old-' || n || '"}}', n, true, true,
        'link-1', '{THREEPL}', 0, '{{}}', 1, '["link-1"]', 1
    FROM generate_series(1, {OPEN}) AS n
"""
LAGGING = "SELECT count(*) AS orders FROM orders WHERE link_id = 'link-1' AND stage = 'open'"


async def test_a_link_with_a_hundred_thousand_open_orders_is_ended(router: Router) -> None:
    other = link_message(id="link-2", threepl_id=account_id("threepl", 2), rules={"priority": 2})
    await router.publish(("links", "link-1", link_message()), ("links", "link-2", other))
    threepl = router.tokens.headers(THREEPL, "threepl")
    async with router.start() as client:

        async def known() -> bool:
            return len(await router.rows("SELECT id FROM links")) == 2

        await until("the links are known", known)
        await router.execute(FILL)
        ended = link_message(version=2, epoch=1, status="inactive", threepl_on=False)
        await router.publish(("links", "link-1", ended))

        async def is_ended() -> bool:
            return bool(await router.rows("SELECT id FROM links WHERE version = 2"))

        await until("the end of the link is known", is_ended)
        one = await client.get(f"/orders/{SHOP}/old-{OPEN}", headers=threepl)
        pages = (await client.get("/orders", headers=threepl)).json()
        acted = await client.post(f"/orders/{SHOP}/old-{OPEN - 1}/start", headers=threepl)
        still = (await router.rows(LAGGING))[0]["orders"]
        await router.publish(("orders.created", "new", order_event(order("new"))))
        await router.assigned("new")
        left = (await router.rows(LAGGING))[0]["orders"]

        async def followed() -> bool:
            return (await router.rows(LAGGING)) == [{"orders": 0}]

        await until("all have followed", followed, patience=150)
        again = link_message(version=3, epoch=1)
        await router.publish(("links", "link-1", again))
        await router.publish(("orders.created", "later", order_event(order("later"))))
        later = await router.order(client, "later")
        kept = await router.rows("SELECT order_id FROM orders WHERE link_id IS NULL")
    assert (one.status_code, pages["orders"], acted.status_code) == (404, [], 404)
    assert still > OPEN / 2, "the reads were to come before the worker was through"
    assert left > 0, "a new order waited for all of the released ones"
    assert later["link_id"] == "link-1"
    assert len(kept) == OPEN

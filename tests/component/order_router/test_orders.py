"""The order-router against a real broker and database: each order gets one holder, and the topic says so."""

from collections import Counter

from tests.builders import SHOP, THREEPL, account_id, link_message, order, order_event
from tests.component.order_router.router import Router
from tests.harness import read_topic, until


async def test_an_order_of_a_linked_shop_is_assigned_to_its_3pl(router: Router) -> None:
    other = link_message(id="link-0", threepl_id=account_id("threepl", 2), status="inactive")
    await router.publish(("links", "link-0", other), ("links", "link-1", link_message()))
    await router.publish(("orders.created", "1", order_event(order("a/1"))))
    async with router.start() as client:
        [said] = await router.said(1)
        seen = await router.order(client, "a/1")
        threepl = await client.get(f"/orders/{SHOP}/a/1", headers=router.tokens.headers(THREEPL, "threepl"))
    assert (said["type"], said["holder"], said["threepl_id"]) == ("assigned", "threepl", THREEPL)
    assert (said["sequence"], said["order"]["lines"][0]["sku"]) == (1, "MUG")
    assert (seen["holder"], seen["link_id"]) == ("threepl", "link-1")
    assert {each["link_id"] for each in seen["decision"]["verdicts"]} == {"link-0", "link-1"}
    assert threepl.json()["decision"]["verdicts"] == [{"link_id": "link-1", "reason": "chosen"}]


async def test_an_order_of_a_shop_without_links_is_stored_and_stays_with_it(router: Router) -> None:
    await router.publish(("orders.created", "1", order_event(order("1"))))
    async with router.start() as client:
        seen = await router.order(client, "1")
    assert (seen["holder"], seen["threepl_id"]) == ("shop", None)
    assert seen["decision"]["reason"] == "the shop has no active link"


async def test_bytes_that_are_no_order_become_dead_letters_and_the_rest_goes_through(router: Router) -> None:
    bad = {
        "no JSON": b"\xff\x00 no json",
        "the message is empty": None,
        "no CloudEvent": b'{"specversion": "1.0"}',
        "a shop id looks like": order_event(order("2"), shop="shop-7"),
        "quantity": order_event(order("3", lines=[{"sku": "MUG", "quantity": -1}])),
        "too large": order_event(order("4", note="x" * 300_000)),
        "source": order_event(order("5")).replace(b"/shops/", b"/stores/"),
    }
    await router.publish(("links", "link-1", link_message()))
    await router.publish(("orders.created", "1", order_event(order("1"))))
    await router.publish(*(("orders.created", "1", value) for value in bad.values()))
    await router.publish(("orders.created", "9", order_event(order("9"))))
    topic = router.prefix + "order-router.dead-letter"
    async with router.start():
        assert {said["order_id"] for said in await router.said(2)} == {"1", "9"}

        async def all_there() -> object:
            letters = await read_topic(router.servers.bootstrap_servers, topic)
            return letters if len(letters) == len(bad) else None

        letters = await until("every bad message is a dead letter", all_there)
    reasons = [letter.headers["reason"].decode() for letter in letters]
    for reason in bad:
        assert any(reason in said for said in reasons), (reason, reasons)
    assert {letter.headers["origin-topic"].decode() for letter in letters} == {
        router.prefix + "orders.created"
    }


async def test_a_deactivated_link_gives_its_open_orders_back(router: Router) -> None:
    orders = [("orders.created", str(number), order_event(order(str(number)))) for number in range(20)]
    await router.publish(("links", "link-1", link_message()), *orders)
    async with router.start() as client:
        await router.said(20)
        inactive = link_message(version=2, epoch=1, status="inactive", shop_on=False)
        await router.publish(("links", "link-1", inactive))
        said = await router.said(40)
        seen = await router.order(client, "7")
    assert Counter(event["type"] for event in said) == {"assigned": 20, "released": 20}
    assert {event["holder"] for event in said if event["type"] == "released"} == {"shop"}
    assert (seen["holder"], seen["sequence"]) == ("shop", 2)


async def test_deactivated_and_activated_while_the_router_was_stopped(router: Router) -> None:
    before = [("orders.created", str(number), order_event(order(str(number)))) for number in range(10)]
    await router.publish(("links", "link-1", link_message()), *before)
    async with router.start():
        await router.said(10)
    await router.publish(("links", "link-1", link_message(version=3, epoch=1)))
    after = [("orders.created", str(number), order_event(order(str(number)))) for number in range(10, 20)]
    await router.publish(*after)
    async with router.start() as client:
        said = await router.said(30)
        holders = [(await router.order(client, str(number)))["holder"] for number in range(20)]
    assert holders == ["shop"] * 10 + ["threepl"] * 10
    assert Counter(event["type"] for event in said) == {"assigned": 20, "released": 10}


async def test_settings_meant_for_open_orders_reach_them_and_others_do_not(router: Router) -> None:
    await router.publish(
        ("links", "link-1", link_message()), ("orders.created", "1", order_event(order("1")))
    )
    changed = link_message(
        version=3,
        settings={"charge_to": "shop", "client_reference": "ACME"},
        open_settings={"client_reference": {"value": "ACME", "version": 3}},
    )
    async with router.start() as client:
        await router.said(1)
        await router.publish(("links", "link-1", changed))

        async def followed() -> object:
            seen = await router.order(client, "1")
            return seen["settings"]["client_reference"] == "ACME" and seen

        seen = await until("the open order has the new reference", followed)
        await router.publish(("orders.updated", "1", order_event(order("1", note="later"), act="updated")))
        said = await router.said(2)
    assert seen["settings"]["charge_to"] == "threepl"
    assert said[-1]["settings"]["client_reference"] == "ACME"


async def test_pages_of_orders_are_cut_and_no_other_account_sees_them(router: Router) -> None:
    await router.publish(
        ("links", "link-1", link_message()),
        *(("orders.created", str(number), order_event(order(str(number)))) for number in range(7)),
    )
    shop, threepl = router.tokens.headers(SHOP, "shop"), router.tokens.headers(THREEPL, "threepl")
    stranger = router.tokens.headers(account_id("threepl", 2), "threepl")
    async with router.start() as client:
        await router.said(7)
        seen: list[str] = []
        cursor = None
        while cursor is not None or not seen:
            answer = await client.get(
                "/orders", headers=shop, params={"limit": 3, **({"cursor": cursor} if cursor else {})}
            )
            page = answer.json()
            seen += [each["order_id"] for each in page["orders"]]
            cursor = page["next_cursor"]
        held = (await client.get("/orders", headers=threepl)).json()["orders"]
        others = (await client.get("/orders", headers=stranger)).json()["orders"]
        refused = await client.get(f"/orders/{SHOP}/1", headers=stranger)
        nobody = await client.get("/orders")
        junk = [
            await client.get("/orders", headers=shop, params={"cursor": bad})
            for bad in ("x", "NQ==", "!", "é")
        ]
    assert sorted(seen) == [str(number) for number in range(7)]
    assert {each["holder"] for each in held} == {"threepl"}
    assert (len(held), others, refused.status_code, nobody.status_code) == (7, [], 404, 401)
    assert {answer.status_code for answer in junk} == {422}
    assert refused.headers["content-type"] == "application/problem+json"

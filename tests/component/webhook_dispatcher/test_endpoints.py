"""A disabled endpoint gets what waited, uncounted, once it is enabled; and who may see what."""

from tests.builders import SHOP, account_id
from tests.component.webhook_dispatcher.conftest import World
from tests.harness import until


async def test_410_disables_and_what_waited_goes_out_once_it_is_enabled(world: World) -> None:
    world.receiver.will_answer("/", 410)
    async with world.start() as client:
        await world.assign(world.held("1", 1))
        [said] = await world.announced(1)
        [endpoint] = await world.endpoints(client)
        await world.assign(world.held("2"))

        async def held() -> bool:
            waiting = await world.rows("SELECT id FROM deliveries WHERE lease IS NULL")
            return len(waiting) == 2

        await until("both deliveries are held", held)
        sent_before = len(world.receiver.received)
        answer = await client.post(f"/endpoints/{endpoint['id']}/enable", headers=world.threepl())
        again = await client.post(f"/endpoints/{endpoint['id']}/enable", headers=world.threepl())
        deliveries = await world.ended(client, 2)
        both = await world.announced(2)
    assert said["type"] == "com.orderdock.endpoint.disabled"
    assert (endpoint["enabled"], endpoint["disabled_reason"]) == (False, "it answered 410")
    assert sent_before == 1
    assert (answer.json()["enabled"], again.json()["enabled"]) == (True, True)
    assert [(each["status"], each["failures"]) for each in deliveries] == [("delivered", 0)] * 2
    assert sorted(each["type"].rpartition(".")[2] for each in both) == ["disabled", "enabled"]


async def test_an_attempt_begun_before_an_enabling_disables_nothing(world: World) -> None:
    world.receiver.will_answer("/", 410)
    world.receiver.will_answer("/slow", 410)
    async with world.start() as client:
        await world.assign(world.held("1", 1, "/slow"))
        await world.receiver.got(1, "/slow")
        [endpoint] = await world.endpoints(client)
        await world.rows(
            "UPDATE endpoints SET disabled_at = now(), disabled_reason = 'it is disabled' RETURNING id"
        )
        await client.post(f"/endpoints/{endpoint['id']}/enable", headers=world.threepl())
        world.receiver.open.set()
        [delivery] = await world.ended(client, 1)
        [after] = await world.endpoints(client)
        detail = await world.detail(client, delivery["id"])
    assert after["enabled"] is True
    assert [each["outcome"] for each in detail["made"]] == ["gone", "delivered"]


async def test_another_3pl_and_a_shop_find_nothing(world: World) -> None:
    async with world.start() as client:
        await world.assign(world.held("1"))
        [delivery] = await world.ended(client, 1)
        paths = [f"/deliveries/{delivery['id']}"] + [
            f"/endpoints/{delivery['endpoint_id']}{more}" for more in ("", "/secret")
        ]
        strangers = [
            world.threepl(2),
            world.threepl(clients={account_id("shop", 9)}),
            world.tokens.headers(SHOP, "shop"),
        ]
        answers = [await client.get(path, headers=who) for path in paths for who in strangers]
        enabling = [
            await client.post(f"/endpoints/{delivery['endpoint_id']}/enable", headers=who)
            for who in strangers
        ]
        lists = [await client.get(path, headers=strangers[0]) for path in ("/deliveries", "/endpoints")]
        nobody = await client.get("/deliveries")
    assert {answer.status_code for answer in [*answers, *enabling]} == {404}
    assert [answer.json() for answer in lists] == [
        {"deliveries": [], "next_cursor": None},
        {"endpoints": [], "next_cursor": None},
    ]
    assert nobody.status_code == 401


async def test_the_secret_is_for_the_owners_administrators_alone(world: World) -> None:
    async with world.start() as client:
        await world.assign(world.held("1"))
        [delivery] = await world.ended(client, 1)
        path = f"/endpoints/{delivery['endpoint_id']}"
        operator = world.tokens.headers(account_id("operator", 1), "operator")
        callers = [world.threepl(roles={"manager"}), world.threepl(scopes={"read"}), operator]
        secrets = [await client.get(f"{path}/secret", headers=who) for who in callers]
        enabled = [await client.post(f"{path}/enable", headers=who) for who in callers]
        seen = await client.get(path, headers=operator)
    assert [answer.status_code for answer in secrets] == [403, 403, 403]
    assert [answer.status_code for answer in enabled] == [200, 403, 403]
    assert seen.status_code == 200
    assert "secret" not in seen.json()


async def test_lists_come_in_pages_and_by_filters(world: World) -> None:
    async with world.start() as client:
        await world.assign(*(world.held(str(number), path=f"/{number}") for number in range(5)))
        whole = await world.ended(client, 5)
        for name in ("deliveries", "endpoints"):
            pages: list[list[str]] = []
            cursor = None
            while cursor is not None or not pages:
                query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
                page = (await client.get(f"/{name}", headers=world.threepl(), params=query)).json()
                pages.append([each["id"] for each in page[name]])
                cursor = page["next_cursor"]
            assert [len(page) for page in pages] == [2, 2, 1]
            assert len({id_ for page in pages for id_ in page}) == 5
        assert [each["order_id"] for each in await world.deliveries(client, order_id="3")] == ["3"]
        assert await world.deliveries(client, status="waiting") == []
        assert len(await world.deliveries(client, link_id="link-1", shop_id=SHOP, status="delivered")) == 5
        wrong = await client.get("/deliveries", headers=world.threepl(), params={"status": "lost"})
    assert len(whole) == 5
    assert (wrong.status_code, wrong.headers["content-type"]) == (422, "application/problem+json")

"""Test events: sent once, signed, to where they were meant to go; who may send them, and how many."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.builders import SHOP, THREEPL, account_id
from tests.component.webhook_dispatcher.conftest import World
from tests.component.webhook_dispatcher.laid import (
    OPERATOR,
    OTHER_SHOP,
    OTHER_THREEPL,
    Laid,
    LaidLink,
    laying,
)
from tests.conftest import MakeDatabase
from tests.harness import events, until
from tests.signatures import verified_by_secret

LINK = LaidLink()
PATH = f"/endpoints/{LINK.endpoint_id}/test"


@pytest.fixture
async def api(make_database: MakeDatabase) -> AsyncIterator[Laid]:
    async with laying(make_database) as made:
        await made.link(LINK, LaidLink("link-2", OTHER_SHOP))
        yield made


async def post(api: Laid, who: str = THREEPL, claims: dict[str, Any] | None = None, path: str = PATH) -> Any:
    return await api.ask(path, who, claims, method="POST")


async def made_endpoint(world: World, client: Any) -> str:
    """The id of the link's endpoint, once the dispatcher has made it."""

    async def there() -> Any:
        return await world.endpoints(client)

    [endpoint] = await until("the endpoint is there", there)
    return str(endpoint["id"])


async def test_a_test_event_is_delivered_signed_and_of_no_order(world: World) -> None:
    async with world.start() as client:
        await world.link(settings={"webhook_url": world.receiver.url + "/"})
        endpoint_id = await made_endpoint(world, client)
        answer = await client.post(f"/endpoints/{endpoint_id}/test", headers=world.threepl())
        [webhook] = await world.receiver.got(1)
        [delivery] = await world.ended(client, 1)
        detail = await world.detail(client, delivery["id"])
        secret = await world.secret(client, endpoint_id)
        [listed] = await world.deliveries(client, type="webhook.test")
    assert (answer.status_code, answer.json()["id"]) == (202, webhook.id)
    assert (delivery["status"], delivery["type"], delivery["order_id"]) == ("delivered", "webhook.test", None)
    assert listed["id"] == webhook.id
    assert detail["body"].encode() == webhook.body
    assert verified_by_secret(secret, webhook.headers, webhook.body)
    said = webhook.said
    assert (said["type"], said["data"]["endpoint_id"], said["data"]["link_id"]) == (
        "webhook.test",
        endpoint_id,
        "link-1",
    )
    assert said["data"]["message"].startswith("This is a test event")
    assert said["timestamp"] == delivery["event_time"]


async def test_a_test_event_that_fails_is_tried_once_and_announced_to_nobody(world: World) -> None:
    world.receiver.will_answer("/", 500, 422)
    async with world.start() as client:
        await world.assign(world.held("1", path="/other"))
        await world.link(settings={"webhook_url": world.receiver.url + "/"})
        await world.receiver.got(1, "/other")

        async def both() -> Any:
            found = await world.endpoints(client)
            return found if len(found) == 2 else []

        urls = {each["url"]: each["id"] for each in await until("both endpoints are there", both)}
        path = f"/endpoints/{urls[world.receiver.url + '/']}/test"
        for _ in range(2):
            await client.post(path, headers=world.threepl())
            await world.receiver.got(1, "/")
        ended = (await world.ended(client, 3))[-2:]
        await world.assign(world.held("2", path="/other"))
        await world.ended(client, 4)
        announced = await events(world.servers.bootstrap_servers, world.prefix + "deliveries")
    assert sorted((each["status"], each["attempts"]) for each in ended) == [("exhausted", 1), ("refused", 1)]
    assert announced == []


async def test_a_link_that_has_no_shop_yet_can_be_tried(world: World) -> None:
    world.receiver.will_answer("/", 500)
    async with world.start() as client:
        await world.link(
            shop_id=None, status="pending", shop_on=False, settings={"webhook_url": world.receiver.url + "/"}
        )
        endpoint_id = await made_endpoint(world, client)
        for count in (1, 2):
            answer = await client.post(f"/endpoints/{endpoint_id}/test", headers=world.threepl())
            assert (answer.status_code, answer.json()["shop_id"]) == (202, None)
            ended = await world.ended(client, count)
        of_link = await world.deliveries(client, link_id="link-1")
    assert [each["status"] for each in ended] == ["exhausted", "delivered"]
    assert [each["id"] for each in of_link] == [each["id"] for each in ended]


async def test_new_settings_for_open_orders_do_not_send_it_elsewhere(world: World) -> None:
    old, new = (world.receiver.url + path for path in ("/slow", "/new"))
    async with world.start() as client:
        await world.link(settings={"webhook_url": old})
        endpoint_id = await made_endpoint(world, client)
        path = f"/endpoints/{endpoint_id}"
        pace = {"concurrency": 1, "rate": None, "retry_schedule": None}
        await client.put(f"{path}/pace", headers=world.threepl(), json=pace)
        for _ in range(2):
            await client.post(f"{path}/test", headers=world.threepl())
        await world.receiver.got(1, "/slow")
        await world.link(
            version=2,
            settings={"webhook_url": new},
            open_settings={"webhook_url": {"value": new, "version": 2}},
        )

        async def applied() -> Any:
            return len(await world.endpoints(client)) == 2

        await until("the new settings are applied", applied)
        world.receiver.open.set()
        ended = await world.ended(client, 2)
    assert {(each["url"], each["status"]) for each in ended} == {(old, "delivered")}
    assert [each.path for each in world.receiver.received] == ["/slow", "/slow"]


async def test_a_disabled_endpoint_is_not_tried(api: Laid) -> None:
    disable = "UPDATE endpoints SET disabled_at = now(), disabled_reason = 'it answered 410' WHERE id = :id"
    await api.execute(disable, id=LINK.endpoint_id)
    refused = await post(api)
    await api.ask(f"/endpoints/{LINK.endpoint_id}/enable", method="POST")
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "endpoint-disabled")
    assert (await post(api)).status_code == 202


async def test_at_most_ten_wait_for_an_endpoint(api: Laid) -> None:
    taken = [await post(api) for _ in range(10)]
    refused = await post(api)
    other = await post(api, path=f"/endpoints/{LaidLink('link-2').endpoint_id}/test")
    await api.execute("DELETE FROM deliveries WHERE webhook_id = :id", id=taken[0].json()["id"])
    again = await post(api)
    assert {answer.status_code for answer in [*taken, other, again]} == {202}
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "too-many-tests")


async def test_it_waits_for_nothing_and_nothing_waits_for_it(api: Laid) -> None:
    delivery = (await post(api)).json()
    [row] = await api.rows(
        "SELECT behind, followed, resent, sequence, day, next_at <= now() AS due FROM deliveries"
    )
    assert (row.behind, row.followed, row.resent, row.sequence, row.due) == (False, False, True, 0, True)
    assert (delivery["status"], delivery["sequence"], delivery["shop_id"]) == ("waiting", 0, SHOP)
    assert delivery["event_time"].startswith(row.day.isoformat())


async def test_a_test_is_for_the_owner_but_not_for_its_warehouse(api: Laid) -> None:
    for roles, status in (("manager", 202), ("support", 202), ("warehouse", 403)):
        assert (await post(api, claims={"roles": {roles}})).status_code == status
    assert (await post(api, claims={"scopes": {"read"}})).status_code == 403
    assert (await post(api, OPERATOR)).status_code == 403
    strangers = [(OTHER_THREEPL, {}), (THREEPL, {"clients": {account_id("shop", 9)}}), (SHOP, {})]
    for who, claims in strangers:
        assert (await post(api, who, claims)).status_code == 404
    assert (await api.client.post(PATH)).status_code == 401

"""A delivery that has ended goes out again when its 3PL asks for it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.database import Database, asyncpg_url
from tests.builders import SHOP, account_id
from tests.component.webhook_dispatcher.conftest import World
from tests.component.webhook_dispatcher.logged import day_ago, rows
from tests.component.webhook_dispatcher.resend_calls import HOUR_AGO, problem, refused, resend
from tests.harness import until


@pytest.fixture
async def database(world: World) -> AsyncIterator[Database]:
    database = Database(asyncpg_url(world.database_url))
    yield database
    await database.close()


def open_setting(url: str | None, version: int) -> dict[str, Any]:
    return {
        "version": version,
        "settings": {"webhook_url": url},
        "open_settings": {"webhook_url": {"value": url, "version": version}},
    }


async def test_a_refused_delivery_goes_out_again_under_its_webhook_id(world: World) -> None:
    async with world.start() as client:
        [before] = await refused(world, client, "1")
        answer = await resend(world, client, before["id"])
        first, second = await world.receiver.got(2)
        [after] = await world.ended(client, 1)
        detail = await world.detail(client, before["id"])
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (
        202,
        before["id"],
        "waiting",
    )
    assert answer.json()["next_attempt_at"] is not None
    assert (first.id, first.body) == (second.id, second.body)
    assert (after["status"], after["attempts"], after["created_at"]) == ("delivered", 2, before["created_at"])
    assert [(each["number"], each["outcome"]) for each in detail["made"]] == [
        (1, "refused"),
        (2, "delivered"),
    ]


async def test_nothing_waits_for_a_resend_which_may_itself_be_resent_once_it_has_ended(world: World) -> None:
    world.receiver.open.set()
    async with world.start() as client:
        await world.assign(world.held("1", 1, "/slow"))
        [delivered] = await world.ended(client, 1)
        world.receiver.open.clear()
        first = await resend(world, client, delivered["id"])
        await world.receiver.got(2, "/slow")
        await world.assign(world.held("1", 2, "/"))
        [other] = await world.receiver.got(1, "/")
        meanwhile = await resend(world, client, delivered["id"])
        world.receiver.open.set()
        await world.ended(client, 2)
        last = await resend(world, client, delivered["id"])
        await world.receiver.got(3, "/slow")
    assert (first.status_code, last.status_code, other.said["sequence"]) == (202, 202, 2)
    assert problem(meanwhile) == (409, "delivery-waiting")


async def test_one_of_many_calls_at_the_same_moment_resends(world: World) -> None:
    world.receiver.open.set()
    async with world.start() as client:
        await world.assign(world.held("1", 1, "/slow"))
        [delivered] = await world.ended(client, 1)
        world.receiver.open.clear()
        answers = await asyncio.gather(*(resend(world, client, delivered["id"]) for _ in range(8)))
        world.receiver.open.set()
        await world.ended(client, 1)
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    assert len(world.receiver.received) == 2


async def test_a_waiting_delivery_goes_out_by_itself(world: World) -> None:
    async with world.start() as client:
        await world.assign(world.held("1", 1, "/slow"))
        [webhook] = await world.receiver.got(1)
        answer = await resend(world, client, webhook.id)
        world.receiver.open.set()
    assert problem(answer) == (409, "delivery-waiting")


async def test_a_withdrawn_delivery_goes_out_once_open_orders_have_a_url_again(world: World) -> None:
    world.receiver.will_answer("/old", 500)
    async with world.start(retry_schedule="3600") as client:
        await world.assign(world.held("1", 1, "/old"))
        await world.receiver.got(1, "/old")
        await world.link(**open_setting(None, 2))
        [withdrawn] = await world.ended(client, 1)
        nowhere = await resend(world, client, withdrawn["id"])
        await world.link(**open_setting(world.receiver.url + "/new", 3))
        answer = await until("the new URL is known", lambda: taken(world, client, withdrawn["id"]))
        [arrived] = await world.receiver.got(1, "/new")
        [after] = await world.ended(client, 1)
    assert problem(nowhere) == (409, "delivery-withdrawn")
    assert answer.json()["url"] == world.receiver.url + "/new"
    assert (arrived.id, after["status"]) == (withdrawn["id"], "delivered")


async def taken(world: World, client: httpx.AsyncClient, delivery_id: str) -> httpx.Response | None:
    answer: httpx.Response = await resend(world, client, delivery_id)
    return answer if answer.status_code == 202 else None


async def test_to_a_disabled_endpoint_it_goes_once_that_is_enabled_and_the_answer_says_so(
    world: World,
) -> None:
    async with world.start() as client:
        [delivery] = await refused(world, client, "1")
        world.receiver.will_answer("/", 410)
        await world.assign(world.held("2"))
        await world.announced(2)
        answer = await resend(world, client, delivery["id"])
        sent_before = len(world.receiver.received)
        await client.post(f"/endpoints/{delivery['endpoint_id']}/enable", headers=world.threepl())
        await world.ended(client, 2)
    assert (answer.status_code, answer.json()["status"], answer.json()["next_attempt_at"]) == (
        202,
        "waiting",
        None,
    )
    assert (sent_before, len(world.receiver.received)) == (2, 4)


async def test_what_is_older_than_the_log_must_go_back_is_not_resent(
    world: World, database: Database
) -> None:
    old = f"finished_{day_ago(31):%Y%m%d} PARTITION OF finished"
    days = f"FROM ('{day_ago(31)}') TO ('{day_ago(30)}')"
    async with world.start() as client:
        deliveries = await refused(world, client, "1", "2")
        await rows(database, f"CREATE TABLE IF NOT EXISTS {old} FOR VALUES {days}")
        for each, age in zip(deliveries, (31, 30), strict=True):
            move = "UPDATE finished SET day = :day WHERE webhook_id = :id"
            await rows(database, move, id=each["id"], day=day_ago(age))
        answers = [await resend(world, client, each["id"]) for each in deliveries]
    assert problem(answers[0]) == (409, "delivery-too-old")
    assert answers[1].status_code == 202


async def test_who_may_resend(world: World) -> None:
    async with world.start() as client:
        [delivery] = await refused(world, client, "1")
        path = f"/deliveries/{delivery['id']}/resend"
        body = {**HOUR_AGO, "statuses": ["withdrawn"]}
        for who, status in [
            (world.threepl(2), 404),
            (world.threepl(clients={account_id("shop", 9)}), 404),
            (world.tokens.headers(SHOP, "shop"), 404),
            (world.tokens.headers("O-1", "operator"), 403),
            (world.threepl(roles={"warehouse"}), 403),
            (world.threepl(scopes={"read"}), 403),
            ({}, 401),
        ]:
            answer = await client.post(path, headers=who)
            assert (answer.status_code, who) == (status, who)
        others = [world.threepl(roles={role}) for role in ("administrator", "manager", "support")]
        started = [await client.post("/resends", headers=who, json=body) for who in others]
        shop = await client.post("/resends", headers=world.tokens.headers(SHOP, "shop"), json=body)
        operator = await client.post("/resends", headers=world.tokens.headers("O-1", "operator"), json=body)
        warehouse = await client.post("/resends", headers=world.threepl(roles={"warehouse"}), json=body)
        answer = await client.post(path, headers=world.threepl(roles={"support"}, clients={SHOP}))
    assert [each.status_code for each in (*started, shop, operator, warehouse)] == [202] * 3 + [404, 403, 403]
    assert answer.status_code == 202

"""All since a time goes out again, in a job that a 3PL starts, follows and cancels."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.database import Database, asyncpg_url
from tests.builders import SHOP, THREEPL, account_id
from tests.component.webhook_dispatcher.conftest import World
from tests.component.webhook_dispatcher.logged import day_ago
from tests.component.webhook_dispatcher.resend_calls import HOUR_AGO, job_ended, problem, refused, start


@pytest.fixture
async def database(world: World) -> AsyncIterator[Database]:
    database = Database(asyncpg_url(world.database_url))
    yield database
    await database.close()


async def test_a_job_resends_all_that_failed_since_a_time(world: World) -> None:
    async with world.start() as client:
        failed = await refused(world, client, "1", "2", "3")
        await world.assign(world.held("4"))
        await world.ended(client, 4)
        started = await start(world, client)
        done = await job_ended(world, client, started["id"])
        again = (await world.receiver.got(7))[4:]
        deliveries = await world.ended(client, 4)
    assert (started["state"], started["resent"], started["finished_at"]) == ("running", 0, None)
    assert (started["statuses"], started["threepl_id"]) == (["exhausted", "refused"], THREEPL)
    assert (done["state"], done["resent"], done["share"]) == ("done", 3, 1)
    assert done["day"] == f"{day_ago(0)}"
    assert {each.id for each in again} == {each["id"] for each in failed}
    assert [each["status"] for each in deliveries] == ["delivered"] * 4


async def test_jobs_are_listed_newest_first_and_each_sees_its_own(world: World) -> None:
    async with world.start() as client:
        every = await start(world, client)
        of_shop = await start(world, client, shop_id=SHOP)
        narrow_token = world.threepl(clients={SHOP})
        limited = (await client.post("/resends", headers=narrow_token, json=HOUR_AGO)).json()
        other = (await client.post("/resends", headers=world.threepl(2), json=HOUR_AGO)).json()

        async def seen(headers: dict[str, str], **query: Any) -> tuple[list[str], str | None]:
            answer = (await client.get("/resends", headers=headers, params=query)).json()
            return [job["id"] for job in answer["resends"]], answer["next_cursor"]

        ids = [job["id"] for job in (other, limited, of_shop, every)]
        page, cursor = await seen(world.threepl(), limit=2)
        rest, end = await seen(world.threepl(), limit=2, cursor=cursor)
        narrow = await seen(narrow_token)
        stranger = await seen(world.threepl(clients={account_id("shop", 9)}))
        operator = world.tokens.headers("O-1", "operator")
        everything = await seen(operator)
        shop = await client.get("/resends", headers=world.tokens.headers(SHOP, "shop"))
        hidden = [
            await client.request(method, f"/resends/{job_id}{more}", headers=who)
            for who, job_id in [
                (world.threepl(), other["id"]),
                (narrow_token, every["id"]),
                (world.tokens.headers(SHOP, "shop"), every["id"]),
                (world.threepl(), "rs_unknown"),
            ]
            for method, more in [("GET", ""), ("POST", "/cancel")]
        ]
        read = await client.get(f"/resends/{other['id']}", headers=operator)
        cancelling = await client.post(f"/resends/{other['id']}/cancel", headers=operator)
    assert limited["clients"] == [SHOP]
    assert (page, rest, end) == (ids[1:3], ids[3:], None)
    assert (narrow, stranger) == ((ids[1:3], None), ([], None))
    assert (everything, shop.status_code) == ((ids, None), 404)
    assert {answer.status_code for answer in hidden} == {404}
    assert (read.status_code, cancelling.status_code) == (200, 403)


async def test_five_jobs_run_at_once_and_what_is_cancelled_leaves_room(
    world: World, database: Database
) -> None:
    async with world.start() as client:
        [delivery] = await refused(world, client, "1")
        async with database.transaction() as holding:
            # The first job waits for the link, and the others for it.
            await holding.exec_driver_sql("SELECT id FROM links FOR UPDATE")
            jobs = [await start(world, client) for _ in range(5)]
            full = await client.post("/resends", headers=world.threepl(), json=HOUR_AGO)
            other = await client.post("/resends", headers=world.threepl(2), json=HOUR_AGO)
            path = f"/resends/{jobs[-1]['id']}/cancel"
            cancelled = [await client.post(path, headers=world.threepl()) for _ in range(2)]
            room = await start(world, client)
            waits = await client.get(f"/deliveries/{delivery['id']}", headers=world.threepl())
        done = [await job_ended(world, client, job["id"]) for job in (*jobs[:4], room)]
        late = await client.post(f"/resends/{jobs[0]['id']}/cancel", headers=world.threepl())
    assert (problem(full), other.status_code) == ((409, "too-many-resends"), 202)
    assert [(answer.status_code, answer.json()["state"]) for answer in cancelled] == [(200, "cancelled")] * 2
    assert cancelled[0].json()["finished_at"] == cancelled[1].json()["finished_at"] is not None
    assert waits.json()["status"] == "refused"
    assert [job["state"] for job in done] == ["done"] * 5
    assert problem(late) == (409, "resend-done")


IMPOSSIBLE: list[tuple[dict[str, Any], list[str] | None]] = [
    ({"since": "2020-01-01T00:00:00Z"}, ["since"]),
    ({"since": "0001-01-01T00:00:00+14:00"}, ["since"]),
    ({"since": f"{day_ago(-1)}T00:00:00Z"}, ["since"]),
    ({"since": f"{day_ago(1)}T00:00:00"}, ["since"]),
    ({**HOUR_AGO, "until": HOUR_AGO["since"]}, ["since"]),
    ({**HOUR_AGO, "until": "9999-12-31T23:59:59Z"}, ["until"]),
    ({**HOUR_AGO, "until": "9999-12-31T23:59:59-14:00"}, ["until"]),
    ({**HOUR_AGO, "statuses": []}, ["statuses"]),
    ({**HOUR_AGO, "statuses": ["waiting"]}, ["statuses.0"]),
    ({**HOUR_AGO, "link_id": "\0"}, None),
    ({**HOUR_AGO, "order": "1"}, ["order"]),
    ({}, ["since"]),
]


async def test_what_no_job_can_do_is_refused(world: World) -> None:
    async with world.start() as client:
        for wanted, fields in IMPOSSIBLE:
            answer = await client.post("/resends", headers=world.threepl(), json=wanted)
            named = [each["field"] for each in answer.json().get("errors", [])] or None
            assert (*problem(answer), named, wanted) == (422, "invalid-request", fields, wanted)
        jobs = await client.get("/resends", headers=world.threepl())
    assert jobs.json()["resends"] == []

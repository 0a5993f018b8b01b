"""Jobs that resend: what matches, to where it goes now, and nothing else."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.database import INDEXES_ONLY, Database, asyncpg_url
from tests.builders import SHOP, account_id
from tests.component.webhook_dispatcher.jobs import finish, job_of, queued, resending, start
from tests.component.webhook_dispatcher.logged import (
    ENDPOINT,
    OPEN_ENDPOINT,
    OPEN_URL,
    day_ago,
    log,
    make_endpoints,
    noon,
    rows,
)
from tests.conftest import MakeDatabase


@pytest.fixture
async def database(make_database: MakeDatabase) -> AsyncIterator[Database]:
    database = Database(asyncpg_url(make_database("webhook_dispatcher")), planner=INDEXES_ONLY)
    await make_endpoints(database)
    yield database
    await database.close()


async def test_it_resends_what_matches_and_leaves_the_rest(database: Database) -> None:
    first, second, today = day_ago(4), day_ago(2), day_ago(0)
    matching = [
        *await log(database, first, 700),
        *await log(database, second, 20, status="exhausted"),
        *await log(database, first, 3),
        *await log(database, today, 2, time=datetime.now(UTC) - timedelta(seconds=5)),
    ]
    await log(database, first, 10, status="delivered")
    await log(database, first, 10, threepl_id=account_id("threepl", 2))
    await log(database, day_ago(5), time=noon(day_ago(5)) - timedelta(seconds=1))
    await log(database, today, time=datetime.now(UTC) + timedelta(hours=1), status="exhausted")
    job_id = await start(database)
    await finish(resending(database))
    job = await job_of(database, job_id)
    assert await queued(database) == set(matching)
    assert (job.state, job.resent) == ("done", len(matching))
    assert job.finished_at is not None
    assert len(await rows(database, "SELECT id FROM finished")) == 22


async def test_a_resent_delivery_keeps_its_id_and_its_attempts_and_starts_its_schedule_anew(
    database: Database,
) -> None:
    [id_] = await log(database, day_ago(1))
    await start(database)
    await finish(resending(database))
    [delivery] = await rows(
        database, "SELECT *, next_at <= now() AS due, lease IS NULL AS free FROM deliveries"
    )
    [attempt] = await rows(database, "SELECT * FROM attempts")
    assert (delivery.id, delivery.webhook_id, delivery.day) == (id_, f"msg_{id_}", day_ago(1))
    assert (delivery.attempts, delivery.failures, delivery.body) == (1, 0, b"body")
    assert (delivery.resent, delivery.behind, delivery.due, delivery.free) == (True, False, True, True)
    assert (attempt.delivery_id, attempt.number, attempt.day) == (id_, 1, day_ago(1))
    assert (attempt.endpoint_id, attempt.outcome, attempt.status) == (ENDPOINT, "refused", 422)
    assert attempt.answer == b"says no"


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"statuses": ["delivered"]}, {2}),
        ({"statuses": ["delivered", "refused"]}, {1, 2, 3, 4, 5}),
        ({"link_id": "link-2"}, set()),
        ({"endpoint_id": OPEN_ENDPOINT}, {3}),
        ({"shop_id": account_id("shop", 2)}, {4}),
        ({"clients": [account_id("shop", 2)]}, {4}),
        ({"clients": [SHOP], "shop_id": account_id("shop", 2)}, set()),
        ({"order_id": "1002"}, {5}),
        ({"since": noon(day_ago(2)), "until": noon(day_ago(1))}, {5}),
    ],
)
async def test_its_limits(database: Database, wanted: dict[str, Any], ids: set[int]) -> None:
    await log(database, day_ago(1))
    await log(database, day_ago(1), status="delivered")
    await log(database, day_ago(1), endpoint_id=OPEN_ENDPOINT)
    await log(database, day_ago(1), shop_id=account_id("shop", 2))
    await log(database, day_ago(2), order_id="1002")
    await log(database, day_ago(2), order_id=None, type="webhook.test", status="exhausted")
    job_id = await start(database, **wanted)
    await finish(resending(database))
    assert await queued(database) == ids
    assert (await job_of(database, job_id)).resent == len(ids)


async def test_it_goes_where_open_orders_go_now_or_nowhere(database: Database) -> None:
    await log(database, day_ago(1), settings_version=3)
    old = await log(database, day_ago(1), settings_version=2)
    withdrawn = await log(database, day_ago(1), settings_version=2, status="withdrawn", endpoint_id=None)
    gone = await log(database, day_ago(1), settings_version=3, status="withdrawn", endpoint_id=None)
    await rows(database, "UPDATE links SET open_url_version = 3, open_url = :url", url=OPEN_URL)
    job_id = await start(database, statuses=["refused", "withdrawn"])
    await finish(resending(database))
    targets = {row.id: row.endpoint_id for row in await rows(database, "SELECT * FROM deliveries")}
    assert targets == {1: ENDPOINT, **dict.fromkeys(old + withdrawn, OPEN_ENDPOINT)}
    assert [row.id for row in await rows(database, "SELECT id FROM finished")] == gone
    assert (await job_of(database, job_id)).resent == 3


async def test_where_open_orders_go_nowhere_now_nothing_is_resent(database: Database) -> None:
    await log(database, day_ago(1), settings_version=2)
    await rows(database, "UPDATE links SET open_url_version = 3")
    job_id = await start(database)
    await finish(resending(database))
    job = await job_of(database, job_id)
    assert (job.state, job.resent, await queued(database)) == ("done", 0, set())


async def test_what_a_disabled_endpoint_is_to_get_waits_until_it_is_enabled(database: Database) -> None:
    await log(database, day_ago(1))
    await log(database, day_ago(1), endpoint_id=OPEN_ENDPOINT)
    disable = "UPDATE endpoints SET disabled_at = now(), disabled_reason = 'it was' WHERE id = :id"
    await rows(database, disable, id=ENDPOINT)
    await start(database)
    await finish(resending(database))
    held = await rows(database, "SELECT endpoint_id, next_at = 'infinity' AS held FROM deliveries")
    assert {row.endpoint_id: row.held for row in held} == {ENDPOINT: True, OPEN_ENDPOINT: False}


async def test_a_cancelled_job_gets_no_further_and_days_that_the_log_no_longer_keeps_are_passed_over(
    database: Database,
) -> None:
    await log(database, day_ago(31), 2)
    young = await log(database, day_ago(30), 2)
    cancelled = await start(database, since=noon(day_ago(31)))
    await rows(database, "UPDATE resends SET state = 'cancelled', finished_at = now()")
    worker = resending(database)
    assert (await worker.step(), await queued(database)) == (False, set())
    job_id = await start(database, since=noon(day_ago(31)))
    await finish(worker)
    assert await queued(database) == set(young)
    assert (await job_of(database, job_id)).state == "done"
    assert (await job_of(database, cancelled)).state == "cancelled"

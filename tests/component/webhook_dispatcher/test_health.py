"""How an endpoint fares: figures of its latest attempts, what waits for it, whoever else has deliveries."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.builders import SHOP, THREEPL, account_id
from tests.component.webhook_dispatcher.laid import (
    OPERATOR,
    OTHER_SHOP,
    OTHER_THREEPL,
    URL,
    Laid,
    LaidDelivery,
    LaidLink,
    laying,
)
from tests.conftest import MakeDatabase
from webhook_dispatcher.store.health import MOST

LINK = LaidLink()
OTHER = LaidLink("link-2", OTHER_SHOP)
PATH = f"/endpoints/{LINK.endpoint_id}/health"
MANY = """
    INSERT INTO deliveries (webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence, type,
                            event_time, day, settings_version, body, behind, next_at, created_at)
    SELECT 'msg_of_many_' || n, :endpoint_id, 'link-1', :threepl_id, :shop_id, (n / 2)::text, n,
           'order.updated', at, (at AT TIME ZONE 'UTC')::date, 1, 'body', n % 2 > 0,
           CAST(:now AS timestamptz) - n * interval '1 second', at
    FROM generate_series(1, CAST(:count AS integer)) AS n
    CROSS JOIN LATERAL (
        SELECT CAST(:now AS timestamptz) - interval '1 day' + n * interval '1 second' AS at
    ) AS told
"""


@pytest.fixture
async def api(make_database: MakeDatabase) -> AsyncIterator[Laid]:
    async with laying(make_database) as made:
        await made.link(LINK, OTHER)
        yield made


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


async def ended(
    api: Laid, place: int, status: str, started_at: datetime, duration_ms: int = 100, **columns: Any
) -> None:
    """A delivery that ended by an attempt then."""
    last = {
        "started_at": started_at,
        "duration_ms": duration_ms,
        "outcome": status,
        "answer_status": 200,
        "answer": b"",
        **columns,
    }
    await api.lay(LaidDelivery(place, status=status, attempts=1), **last)


async def many(api: Laid, now: datetime, count: int) -> None:
    """So many waiting deliveries, half of them behind another, the last one due first."""
    await api.execute(
        MANY, endpoint_id=LINK.endpoint_id, threepl_id=THREEPL, shop_id=SHOP, now=now, count=count
    )


async def test_figures_are_of_the_last_hours_attempts(api: Laid, now: datetime) -> None:
    for place in range(1, 9):
        await ended(api, place, "delivered", now - timedelta(minutes=place), 100 * place)
    await ended(api, 9, "refused", now - timedelta(minutes=20), 5000, answer_status=422)
    await ended(api, 10, "delivered", now - timedelta(minutes=61), 9000)
    await api.lay(LaidDelivery(11, status="withdrawn"))
    retried = LaidDelivery(12, event_time=now - timedelta(days=3))
    await api.attempt(retried, 1, started_at=now - timedelta(minutes=30), duration_ms=3000)
    await api.attempt(LaidDelivery(13, OTHER), 1, started_at=now)
    health = await api.get(PATH)
    assert (health["attempts"], health["delivered"], health["failed"]) == (10, 8, 2)
    assert health["outcomes"] == {"delivered": 8, "refused": 1, "failed": 1}
    assert (health["success_rate"], health["attempts_per_minute"]) == (0.8, 0.17)
    assert (health["p50_ms"], health["p95_ms"], health["p99_ms"]) == (500, 5000, 5000)
    assert datetime.fromisoformat(health["last_success"]) == now - timedelta(minutes=1)
    assert health["last_failure"]["reason"] == "it answered 422"


async def test_the_last_success_and_failure_are_told_however_long_ago(api: Laid, now: datetime) -> None:
    success, failure = now - timedelta(minutes=2000), now - timedelta(minutes=300)
    await ended(api, 1, "delivered", success)
    await ended(api, 2, "exhausted", failure, answer_status=None, error="no answer in 15 s")
    await api.attempt(LaidDelivery(3), 1, started_at=now - timedelta(hours=20))
    health = await api.get(PATH)
    assert (health["attempts"], health["success_rate"], health["p50_ms"]) == (0, None, None)
    assert datetime.fromisoformat(health["last_success"]) == success
    assert datetime.fromisoformat(health["last_failure"]["at"]) == failure
    assert health["last_failure"]["reason"] == "it failed: no answer in 15 s"


async def test_of_very_many_attempts_the_latest_are_told(api: Laid, now: datetime) -> None:
    await api.execute(
        """
        INSERT INTO attempts (day, delivery_id, number, endpoint_id, started_at, duration_ms, outcome, answer)
        SELECT :day, n, 1, :endpoint_id, CAST(:now AS timestamptz) - n * interval '0.1 second', n,
               'failed', ''
        FROM generate_series(1, CAST(:count AS integer)) AS n
        """,
        day=now.date(),
        endpoint_id=LINK.endpoint_id,
        now=now,
        count=MOST + 500,
    )
    health = await api.get(PATH)
    assert (health["attempts"], health["outcomes"], health["p50_ms"]) == (MOST, {"failed": MOST}, MOST / 2)
    assert datetime.fromisoformat(health["since"]) == now - timedelta(seconds=MOST / 10)
    assert health["attempts_per_minute"] == pytest.approx(600, rel=0.2)


async def test_what_waits_is_counted_as_due_in_flight_or_later(api: Laid, now: datetime) -> None:
    leased = {"lease": "4c1f0fd2-5d4c-4b7e-9d0c-0a5a1c0a2d1e", "holder": 1}
    later = now + timedelta(hours=1)
    await api.lay(LaidDelivery(1, event_time=now - timedelta(hours=5)), next_at=later)
    await api.lay(LaidDelivery(2), behind=True)
    await api.lay(LaidDelivery(3, order_id="2"), next_at=now)
    await api.lay(LaidDelivery(4, order_id="3"), next_at=now, leased_until=later, **leased)
    await api.lay(LaidDelivery(5, order_id="4"), next_at=now, leased_until=now, **leased)
    await api.lay(LaidDelivery(6, OTHER, event_time=now - timedelta(hours=9)))
    health = await api.get(PATH)
    assert (health["waiting"], health["due"], health["in_flight"]) == ({"count": 5, "more": False}, 2, 1)
    assert datetime.fromisoformat(health["oldest_waiting"]["event_time"]) == now - timedelta(hours=5)


async def test_a_count_of_very_many_ends_and_says_so(api: Laid, now: datetime) -> None:
    await many(api, now, MOST - 2)
    under = await api.get(PATH)
    await api.execute("DELETE FROM deliveries")
    await many(api, now, 2 * MOST + 10)
    over = await api.get(PATH)
    assert (under["waiting"], under["due"]) == ({"count": MOST - 2, "more": False}, MOST / 2 - 1)
    assert (over["waiting"], over["due"]) == ({"count": MOST, "more": True}, MOST)
    for health in (under, over):
        oldest = now - timedelta(days=1) + timedelta(seconds=1)
        assert datetime.fromisoformat(health["oldest_waiting"]["event_time"]) == oldest


async def test_an_endpoint_with_nothing_has_no_figures(api: Laid) -> None:
    health = await api.get(PATH)
    nothing = ("success_rate", "p50_ms", "p95_ms", "p99_ms", "last_success", "last_failure", "oldest_waiting")
    assert {health[name] for name in nothing} == {None}
    assert (health["attempts"], health["outcomes"], health["waiting"]["count"], health["due"]) == (
        0,
        {},
        0,
        0,
    )
    assert (health["enabled"], health["breaker"], health["failing_since"]) == (True, "closed", None)


async def test_a_disabled_endpoint_has_nothing_due_and_shows_how_it_stands(api: Laid, now: datetime) -> None:
    await api.execute(
        "UPDATE endpoints SET disabled_at = now(), disabled_reason = 'it answered 410', failing_since = :at,"
        " breaker = 'open', breaker_until = :at WHERE url = :url",
        at=now,
        url=URL,
    )
    await api.lay(LaidDelivery(1))
    health, endpoint = await api.get(PATH), await api.get(f"/endpoints/{LINK.endpoint_id}")
    [delivery] = (await api.get("/deliveries"))["deliveries"]
    assert (health["enabled"], health["waiting"]["count"], health["due"]) == (False, 1, 0)
    assert (delivery["status"], delivery["next_attempt_at"]) == ("waiting", None)
    for shown in (health, endpoint):
        assert (shown["breaker"], shown["breaker_until"]) == ("open", shown["failing_since"])
        assert datetime.fromisoformat(shown["failing_since"]) == now


async def test_another_3pl_and_a_shop_find_no_health(api: Laid) -> None:
    strangers = [(OTHER_THREEPL, {}), (THREEPL, {"clients": {account_id("shop", 9)}}), (SHOP, {})]
    answers = [await api.ask(PATH, who, claims) for who, claims in strangers]
    assert {answer.status_code for answer in answers} == {404}
    assert (await api.ask(PATH, THREEPL, {"scopes": {"write"}})).status_code == 403
    assert (await api.client.get(PATH)).status_code == 401
    for who, claims in [(OPERATOR, {}), (THREEPL, {"clients": {SHOP}, "roles": set()})]:
        assert (await api.ask(PATH, who, claims)).status_code == 200

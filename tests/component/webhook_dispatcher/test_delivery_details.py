"""One delivery: its body and its attempts, wherever they lie, how it stands, and who finds it."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.builders import SHOP, THREEPL, account_id
from tests.component.webhook_dispatcher.laid import (
    NOW,
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

LINK = LaidLink()
LEASED = {"lease": "4c1f0fd2-5d4c-4b7e-9d0c-0a5a1c0a2d1e", "holder": 1}
LAST = {
    "started_at": NOW,
    "duration_ms": 80,
    "outcome": "delivered",
    "answer_status": 200,
    "answer": b"\xff ok",
}


@pytest.fixture
async def api(make_database: MakeDatabase) -> AsyncIterator[Laid]:
    async with laying(make_database) as made:
        await made.link(LINK)
        yield made


async def test_a_finished_one_has_the_attempt_that_ended_it_last(api: Laid) -> None:
    delivery = LaidDelivery(1, status="delivered", attempts=3)
    await api.lay(delivery, **LAST)
    for number in (2, 1):
        await api.attempt(delivery, number, NOW - timedelta(minutes=10 - number))
    await api.attempt(LaidDelivery(2), 1, NOW)
    detail = await api.get("/deliveries/msg_1")
    assert (detail["body"], detail["status"], detail["order_id"]) == ('{"type": "it"}', "delivered", "1001")
    assert [(each["number"], each["outcome"], each["status"], each["answer"]) for each in detail["made"]] == [
        (1, "failed", 503, "busy"),
        (2, "failed", 503, "busy"),
        (3, "delivered", 200, "\N{REPLACEMENT CHARACTER} ok"),
    ]
    assert {(each["endpoint_id"], each["url"]) for each in detail["made"]} == {(LINK.endpoint_id, URL)}


async def test_one_that_is_being_resent_has_no_attempt_twice(api: Laid) -> None:
    delivery = LaidDelivery(1, status="exhausted", attempts=2)
    await api.lay(delivery, **{**LAST, "outcome": "exhausted"})
    for number in (1, 2):
        await api.attempt(delivery, number, NOW)
    detail = await api.get("/deliveries/msg_1")
    assert [each["number"] for each in detail["made"]] == [1, 2]


async def test_a_waiting_one_and_one_withdrawn_untried_have_the_attempts_so_far(api: Laid) -> None:
    waiting, withdrawn = LaidDelivery(1, attempts=1), LaidDelivery(2, status="withdrawn")
    await api.lay(waiting)
    await api.lay(withdrawn, endpoint_id=None)
    await api.attempt(waiting, 1, NOW)
    first, second = [await api.get(f"/deliveries/{each.id}") for each in (waiting, withdrawn)]
    assert ([each["number"] for each in first["made"]], second["made"]) == ([1], [])
    assert (second["endpoint_id"], second["url"], second["status"]) == (None, None, "withdrawn")


@pytest.mark.parametrize(
    ("columns", "in_flight", "behind", "next_attempt_at"),
    [
        ({}, False, False, NOW),
        ({"behind": True}, False, True, None),
        ({"leased_until": NOW + timedelta(hours=1), **LEASED}, True, False, None),
        ({"leased_until": NOW - timedelta(hours=1), **LEASED}, False, False, NOW),
    ],
)
async def test_a_waiting_one_says_what_it_waits_for(
    api: Laid, columns: dict[str, Any], in_flight: bool, behind: bool, next_attempt_at: datetime | None
) -> None:
    await api.lay(LaidDelivery(1), **{"next_at": NOW, **columns})
    [listed] = (await api.get("/deliveries"))["deliveries"]
    detail = await api.get("/deliveries/msg_1")
    assert {**detail, **listed} == detail
    assert (listed["in_flight"], listed["behind"]) == (in_flight, behind)
    at = listed["next_attempt_at"]
    assert (at if at is None else datetime.fromisoformat(at)) == next_attempt_at


async def test_another_3pl_and_a_shop_find_no_delivery(api: Laid) -> None:
    await api.lay(LaidDelivery(1), LaidDelivery(2, status="refused"))
    strangers = [(OTHER_THREEPL, {}), (THREEPL, {"clients": {OTHER_SHOP}}), (account_id("shop", 9), {})]
    for who, claims in [*strangers, (SHOP, {})]:
        for path in ("/deliveries/msg_1", "/deliveries/msg_2"):
            assert (await api.ask(path, who, claims)).status_code == 404
    for who, claims in strangers[:2]:
        assert (await api.get("/deliveries", who, claims))["deliveries"] == []
        assert (await api.get("/deliveries", who, claims, link_id=LINK.id))["deliveries"] == []
    assert (await api.ask("/deliveries", SHOP)).status_code == 404
    for path in ("/deliveries", "/deliveries/msg_2"):
        assert (await api.ask(path, THREEPL, {"scopes": {"write"}})).status_code == 403
        assert (await api.client.get(path)).status_code == 401
        for who, claims in [(OPERATOR, {}), (THREEPL, {"clients": {SHOP}, "roles": set()})]:
            assert (await api.ask(path, who, claims)).status_code == 200

"""Lists of deliveries: the queue and the log as one, whatever is filtered, however the pages are cut."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import SHOP, THREEPL
from tests.component.webhook_dispatcher.laid import (
    NOW,
    OPERATOR,
    OTHER_SHOP,
    OTHER_THREEPL,
    Laid,
    LaidDelivery,
    LaidLink,
    laying,
)
from tests.conftest import MakeDatabase, fresh_databases
from tests.harness import PATIENCE
from tests.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = 150
COUNT = 240
# Two shops with two links each, one of them of both 3PLs; and a link whose shop has no account yet.
LINKS = [
    LaidLink("link-1"),
    LaidLink("link-2", SHOP, OTHER_THREEPL),
    LaidLink("link-3", OTHER_SHOP),
    LaidLink("link-4", OTHER_SHOP),
    LaidLink("link-5", None),
]
STATUSES = ["waiting", "delivered", "refused", "exhausted", "withdrawn"]
DAYS = 5


def random_deliveries() -> list[LaidDelivery]:
    chance = random.Random(5)

    def one(place: int) -> LaidDelivery:
        link = chance.choice(LINKS)
        is_test = link.shop_id is None or chance.random() < 0.1
        return LaidDelivery(
            place,
            link,
            status=chance.choice(STATUSES),
            order_id=None if is_test else str(chance.randrange(12)),
            type="webhook.test" if is_test else chance.choice(["order.created", "order.updated"]),
            event_time=NOW - timedelta(hours=chance.randrange(DAYS * 24)),
        )

    return [one(place) for place in range(1, COUNT + 1)]


DELIVERIES = random_deliveries()


def either(*values: Any) -> st.SearchStrategy[Any]:
    """One of these, or nothing."""
    return st.sampled_from([None, *values])


FILTERS = st.fixed_dictionaries(
    {
        "status": st.none() | st.lists(st.sampled_from(STATUSES), min_size=1, unique=True),
        "link_id": either(*(link.id for link in LINKS), "link-9"),
        "endpoint_id": either(*(link.endpoint_id for link in LINKS), "ep_9"),
        "shop_id": either(SHOP, OTHER_SHOP),
        "order_id": either("1", "2", "3", "99"),
        "type": either("order.created", "order.updated", "webhook.test"),
        "since": either(*(NOW - timedelta(hours=12 * n) for n in range(12))),
        "until": either(*(NOW - timedelta(hours=12 * n) for n in range(-1, 11))),
    }
)
# Many filters leave nothing: most often but one or two are given.
SPARSE = st.tuples(
    FILTERS,
    st.sets(st.sampled_from(["status", "link_id", "endpoint_id", "shop_id", "order_id", "type"]), max_size=2)
    | st.sets(st.sampled_from(["status", "since", "until", "shop_id"]), max_size=3),
).map(lambda drawn: {name: value for name, value in drawn[0].items() if name in drawn[1]})
CALLERS: list[tuple[str, Mapping[str, Any]]] = [
    (THREEPL, {}),
    (OTHER_THREEPL, {}),
    (OPERATOR, {}),
    (THREEPL, {"clients": {SHOP}}),
    (THREEPL, {"clients": {SHOP, OTHER_SHOP}}),
    (THREEPL, {"clients": set()}),
]


def is_seen(delivery: LaidDelivery, who: str, claims: Mapping[str, Any]) -> bool:
    if who == OPERATOR:
        return True
    return delivery.link.threepl_id == who and delivery.link.shop_id in claims.get(
        "clients", {SHOP, OTHER_SHOP, None}
    )


def is_wanted(delivery: LaidDelivery, query: Mapping[str, Any]) -> bool:
    told = {
        "link_id": delivery.link.id,
        "endpoint_id": delivery.link.endpoint_id,
        "shop_id": delivery.link.shop_id,
        "order_id": delivery.order_id,
        "type": delivery.type,
    }
    return (
        all(query.get(name) in (None, value) for name, value in told.items())
        and delivery.status in (query.get("status") or STATUSES)
        and (query.get("since") or NOW - timedelta(days=9)) <= delivery.event_time
        and delivery.event_time < (query.get("until") or NOW + timedelta(days=9))
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(servers: Servers, template: MakeDatabase) -> AsyncIterator[Laid]:
    with fresh_databases(servers, template) as make_database:
        async with laying(make_database) as made:
            await made.link(*LINKS)
            await made.lay(*DELIVERIES)
            yield made


async def check(
    api: Laid, caller: tuple[str, Mapping[str, Any]], query: Mapping[str, Any], limit: int
) -> None:
    who, claims = caller
    given_filters = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in query.items()
        if value is not None
    }
    pages = await api.all_pages(who, claims, limit=limit, **given_filters)
    wanted = [
        each.id for each in reversed(DELIVERIES) if is_seen(each, who, claims) and is_wanted(each, query)
    ]
    assert [id_ for page in pages for id_ in page] == wanted
    assert all(len(page) == limit for page in pages[:-1])


ALONE = [
    {name: value}
    for name, values in (
        ("status", [[each] for each in STATUSES]),
        ("link_id", [link.id for link in LINKS]),
        ("endpoint_id", [link.endpoint_id for link in LINKS]),
        ("shop_id", [SHOP, OTHER_SHOP]),
        ("order_id", ["1", "2"]),
        ("type", ["order.created", "order.updated", "webhook.test"]),
        ("since", [NOW - timedelta(hours=36)]),
        ("until", [NOW - timedelta(hours=36)]),
    )
    for value in values
]


@pytest.mark.parametrize("query", ALONE)
async def test_each_filter_alone_leaves_every_caller_what_it_sees(api: Laid, query: dict[str, Any]) -> None:
    for caller in CALLERS:
        await check(api, caller, query, 50)


@pytest.mark.timeout(600)
async def test_the_pages_hold_all_that_is_wanted_in_order_under_every_filter(api: Laid) -> None:
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(st.sampled_from(CALLERS), FILTERS | SPARSE, st.sampled_from([7, 50, 200]))
    def listed(caller: tuple[str, Mapping[str, Any]], query: Mapping[str, Any], limit: int) -> None:
        asyncio.run_coroutine_threadsafe(check(api, caller, query, limit), loop).result(PATIENCE)

    await asyncio.to_thread(listed)


async def test_what_ends_between_two_pages_is_listed_once(servers: Servers, template: MakeDatabase) -> None:
    with fresh_databases(servers, template) as make_database:
        async with laying(make_database) as api:
            await api.link(LINKS[0])
            waiting = [LaidDelivery(place, order_id=str(place)) for place in range(1, 21)]
            await api.lay(*waiting)
            first = await api.get("/deliveries", limit=7)
            await api.execute("DELETE FROM deliveries WHERE id % 2 = 0")
            await api.lay(*(replace(each, status="delivered") for each in waiting if each.place % 2 == 0))
            rest = await api.all_pages(limit=7, cursor=first["next_cursor"])
    listed = [each["id"] for each in first["deliveries"]] + [id_ for page in rest for id_ in page]
    assert listed == [each.id for each in reversed(waiting)]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "lost"},
        {"type": "order.lost"},
        {"since": "2026-11-24T10:00:00"},
        {"until": "9999-12-31T23:00:00-05:00"},
        {"limit": "201"},
        {"cursor": "a"},
        {"cursor": "9" * 19},
    ],
)
async def test_a_filter_that_means_nothing_is_refused(api: Laid, query: dict[str, str]) -> None:
    answer = await api.ask("/deliveries", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")

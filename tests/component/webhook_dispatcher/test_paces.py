"""An endpoint's own pace: who sets it, within which bounds, and that whoever sends to it hears of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
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
from tests.harness import PATIENCE
from webhook_dispatcher.store import wakes

LINK = LaidLink()
PATH = f"/endpoints/{LINK.endpoint_id}/pace"
DEFAULT = {"concurrency": None, "rate": None, "retry_schedule": None}
OWN = {"concurrency": 3, "rate": 0.5, "retry_schedule": [1.0, 60.0, 7_776_000.0]}


@pytest.fixture
async def api(make_database: MakeDatabase) -> AsyncIterator[Laid]:
    async with laying(make_database) as made:
        await made.link(LINK, LaidLink("link-2", OTHER_SHOP))
        yield made


async def put(
    api: Laid, pace: dict[str, Any], who: str = THREEPL, claims: dict[str, Any] | None = None
) -> Any:
    return await api.ask(PATH, who, claims, method="PUT", json=pace)


async def test_a_pace_is_set_shown_and_set_back(api: Laid) -> None:
    before = (await api.get(f"/endpoints/{LINK.endpoint_id}"))["pace"]
    changed = (await put(api, OWN)).json()
    seen = {each["id"]: each["pace"] for each in (await api.get("/endpoints"))["endpoints"]}
    back = (await put(api, DEFAULT)).json()
    assert (before, changed["pace"], back["pace"]) == (DEFAULT, OWN, DEFAULT)
    assert seen == {LINK.endpoint_id: OWN, LaidLink("link-2").endpoint_id: DEFAULT}


async def test_whoever_sends_to_the_endpoint_hears_of_it(api: Laid) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    url = api.database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    await connection.add_listener(wakes.CHANNEL, lambda *said: heard.put_nowait(said[-1]))
    await put(api, OWN)
    assert wakes.read(await asyncio.wait_for(heard.get(), PATIENCE)) == [LINK.endpoint_id]
    await connection.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"concurrency": 0},
        {"concurrency": 1001},
        {"concurrency": 1.5},
        {"rate": 0.009},
        {"rate": 10_001},
        {"retry_schedule": []},
        {"retry_schedule": [1.0] * 21},
        {"retry_schedule": [0.9]},
        {"retry_schedule": [90 * 86_400 + 1]},
        {"speed": 1},
    ],
)
async def test_a_pace_out_of_bounds_is_refused(api: Laid, wrong: dict[str, Any]) -> None:
    answer = await put(api, {**DEFAULT, **wrong})
    assert (answer.status_code, answer.json()["errors"][0]["field"].split(".")[0]) == (422, *wrong)


@pytest.mark.parametrize("missing", DEFAULT)
async def test_a_pace_is_set_whole(api: Laid, missing: str) -> None:
    answer = await put(api, {name: None for name in DEFAULT if name != missing})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, missing)


async def test_the_bounds_themselves_are_taken(api: Laid) -> None:
    for pace in (
        {"concurrency": 1, "rate": 0.01, "retry_schedule": [1.0]},
        {"concurrency": 1000, "rate": 10_000.0, "retry_schedule": [7_776_000.0] * 20},
    ):
        assert (await put(api, pace)).json()["pace"] == pace


async def test_a_pace_is_for_the_owners_administrators_and_managers(api: Laid) -> None:
    for roles, status in (("manager", 200), ("warehouse", 403), ("support", 403)):
        assert (await put(api, OWN, claims={"roles": {roles}})).status_code == status
    assert (await put(api, OWN, claims={"scopes": {"read"}})).status_code == 403
    assert (await put(api, OWN, OPERATOR)).status_code == 403
    strangers = [(OTHER_THREEPL, {}), (THREEPL, {"clients": {account_id("shop", 9)}}), (SHOP, {})]
    for who, claims in strangers:
        assert (await put(api, OWN, who, claims)).status_code == 404
    assert (await api.client.put(PATH, json=OWN)).status_code == 401


async def test_endpoints_are_listed_by_shop_by_link_and_by_how_they_stand(api: Laid) -> None:
    first, second = LINK.endpoint_id, LaidLink("link-2").endpoint_id
    await api.execute("UPDATE endpoints SET disabled_at = now() WHERE id = :id", id=first)
    await api.execute("UPDATE endpoints SET failing_since = now() WHERE id = :id", id=second)
    for query, found in (
        ({"shop_id": SHOP}, [first]),
        ({"shop_id": OTHER_SHOP, "link_id": "link-1"}, []),
        ({"enabled": False}, [first]),
        ({"enabled": True}, [second]),
        ({"failing": True}, [second]),
        ({"failing": False}, [first]),
        ({"enabled": False, "failing": True}, []),
    ):
        listed = (await api.get("/endpoints", **query))["endpoints"]
        assert [each["id"] for each in listed] == found, query


async def test_an_endpoints_own_schedule_holds_for_what_fails_from_then_on(world: World) -> None:
    world.receiver.will_answer("/", 200, 500, 500)
    async with world.start(retry_schedule="0.1,0.1,0.1") as client:
        await world.assign(world.held("1"))
        [first] = await world.ended(client, 1)
        path = f"/endpoints/{first['endpoint_id']}/pace"
        answer = await client.put(path, headers=world.threepl(), json={**DEFAULT, "retry_schedule": [1]})
        await world.assign(world.held("2"))
        [_, second] = await world.ended(client, 2)
    assert answer.status_code == 200
    assert (second["status"], second["attempts"]) == ("exhausted", 2)

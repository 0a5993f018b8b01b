"""Acts on links, on the real API, database and broker: from two strangers to an active link, and its end."""

import asyncio
import itertools
from typing import Any

import httpx

from integration.app import Settings, build
from shared.contracts import cloudevents, links
from shared.contracts.callers import Role
from shared.contracts.links import Link
from shared.kafka.topics import LINKS
from tests.builders import account_id
from tests.component.integration.conftest import Person, World
from tests.harness import read_topic, until


def kind(answer: Any) -> str:
    return str(answer.json()["type"]).rpartition("/")[2]


async def started(shop: Person, threepl: Person) -> Link:
    answer = await shop.post("/links", {"account_id": threepl.id})
    assert answer.status_code == 201, answer.text
    return Link.model_validate(answer.json())


async def active(shop: Person, threepl: Person) -> Link:
    link = await started(shop, threepl)
    return Link.model_validate((await threepl.post(f"/links/{link.id}/activate")).json())


async def announced(settings: Settings, version: int) -> list[Link]:
    """The links on the topic in their order, once the version is there."""

    async def found() -> list[Link]:
        records = await read_topic(settings.kafka_bootstrap_servers, settings.topic_prefix + LINKS)
        told = [links.read(cloudevents.read(record.value, record.headers)) for record in records]
        assert all(record.key == link.id.encode() for record, link in zip(records, told, strict=True))
        return told if any(link.version == version for link in told) else []

    told: list[Link] = await until(f"version {version} is announced", found)
    return told


async def test_a_link_goes_from_start_to_active_and_each_version_is_announced(
    world: World, settings: Settings
) -> None:
    shop, threepl = await world.pair()
    pending = await shop.post("/links", {"account_id": threepl.id})
    link = Link.model_validate(pending.json())
    assert (pending.status_code, link.status, link.shop_on, link.threepl_on) == (201, "pending", True, False)
    assert pending.headers["etag"] == '"1"'
    assert pending.headers["location"] == f"/links/{link.id}"
    answer = await threepl.post(f"/links/{link.id}/activate")
    assert answer.status_code == 200
    now_active = Link.model_validate(answer.json())
    assert (now_active.status, now_active.version, now_active.epoch) == ("active", 2, 0)
    assert await announced(settings, 2) == [link, now_active]


async def test_the_other_side_is_found_by_its_exact_email_too(world: World) -> None:
    shop, threepl = await world.pair()
    answer = await threepl.post("/links", {"email": shop.email.upper()})
    assert (answer.status_code, answer.json()["shop_id"]) == (201, shop.id)
    assert answer.json()["started_by"] == "threepl"


async def test_an_account_id_that_nobody_on_the_other_side_has_is_not_found(world: World) -> None:
    shop, _ = await world.pair()
    other_shop = await world.account("shop")
    for body in ({"account_id": other_shop.id}, {"account_id": account_id("threepl", 1)}):
        answer = await shop.post("/links", body)
        assert (answer.status_code, kind(answer)) == (404, "account-not-found")
        assert "it is invited by mail" in answer.json()["detail"]


async def test_a_pair_has_one_live_link_and_may_make_a_new_one_after_deleting_it(world: World) -> None:
    shop, threepl = await world.pair()
    link = await started(shop, threepl)
    again = await threepl.post("/links", {"account_id": shop.id})
    assert (again.status_code, kind(again), again.json()["link_id"]) == (409, "link-exists", link.id)
    assert (await threepl.delete(f"/links/{link.id}")).json()["status"] == "deleted"
    assert (await started(shop, threepl)).id != link.id
    assert (await shop.get(f"/links/{link.id}")).json()["status"] == "deleted"
    for answer in (
        await shop.post(f"/links/{link.id}/activate"),
        await shop.post(f"/links/{link.id}/deactivate"),
        await shop.delete(f"/links/{link.id}"),
        await shop.put(f"/links/{link.id}/rules", {"priority": 2}),
        await threepl.put(f"/links/{link.id}/settings", {}),
    ):
        assert (answer.status_code, kind(answer)) == (409, "link-deleted")


async def test_of_two_that_start_the_same_link_at_once_one_does(world: World) -> None:
    shop, threepl = await world.pair()
    answers = await asyncio.gather(
        shop.post("/links", {"account_id": threepl.id}), threepl.post("/links", {"account_id": shop.id})
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    ids = {answer.json().get("id") or answer.json()["link_id"] for answer in answers}
    assert len(ids) == 1


async def test_an_end_counts_an_epoch_and_the_side_that_ended_must_begin_again(world: World) -> None:
    shop, threepl = await world.pair()
    link = await active(shop, threepl)
    ended = (await shop.post(f"/links/{link.id}/deactivate")).json()
    assert (ended["status"], ended["epoch"], ended["version"]) == ("inactive", 1, 3)
    refused = await threepl.post(f"/links/{link.id}/activate")
    assert (refused.status_code, kind(refused)) == (409, "waiting-for-other-side")
    begun = (await shop.post(f"/links/{link.id}/activate")).json()
    assert (begun["status"], begun["epoch"], begun["version"]) == ("active", 1, 4)


async def test_an_act_that_changes_nothing_answers_the_same_version_and_announces_nothing(
    world: World, settings: Settings
) -> None:
    shop, threepl = await world.pair()
    link = await active(shop, threepl)
    for answer in (
        await shop.post(f"/links/{link.id}/activate"),
        await threepl.put(f"/links/{link.id}/settings", {}),
        await shop.put(f"/links/{link.id}/rules", {}),
    ):
        assert (answer.status_code, answer.headers["etag"], answer.json()["version"]) == (200, '"2"', 2)
    await shop.post(f"/links/{link.id}/deactivate")
    assert [told.version for told in await announced(settings, 3)] == [1, 2, 3]


async def test_a_change_meant_for_an_older_version_is_refused(world: World) -> None:
    shop, threepl = await world.pair()
    link = await started(shop, threepl)
    path = f"/links/{link.id}/activate"
    for stale in ('"2"', 'W/"1"', "1", '"0", "7"'):
        lost = await threepl.post(path, headers={"If-Match": stale})
        assert (lost.status_code, kind(lost), lost.json()["version"]) == (412, "version-changed", 1)
    won = await threepl.post(path, headers={"If-Match": '"0", "1"'})
    assert (won.status_code, won.headers["etag"]) == (200, '"2"')
    assert (await shop.post(f"/links/{link.id}/deactivate", headers={"If-Match": "*"})).status_code == 200


async def test_starting_and_activating_need_a_plan(world: World) -> None:
    poor_shop, poor_threepl = await world.account("shop", "free"), await world.account("threepl", "grow")
    shop, threepl = await world.account("shop", "grow"), await world.account("threepl", "conquer")
    for poor, other in ((poor_shop, threepl), (poor_threepl, shop)):
        refused = await poor.post("/links", {"account_id": other.id})
        assert (refused.status_code, kind(refused)) == (403, "plan-required")
    link = await started(shop, poor_threepl)
    refused = await poor_threepl.post(f"/links/{link.id}/activate")
    assert (refused.status_code, kind(refused)) == (403, "plan-required")
    assert "needs the plan conquer" in refused.json()["detail"]
    assert (await poor_threepl.delete(f"/links/{link.id}")).json()["status"] == "deleted"


WRONG_STARTS: list[Any] = [
    {},
    {"account_id": "S-AAAA-AAAA"},
    {"account_id": "T-0000-0000", "email": "a@example.com"},
    {"email": "no address"},
    {"account_id": "T\x00"},
    [],
    "x",
]


async def test_a_start_that_names_nobody_rightly_is_refused(world: World) -> None:
    shop, _ = await world.pair()
    for body in WRONG_STARTS:
        answer = await shop.post("/links", body)
        assert (answer.status_code, kind(answer)) == (422, "invalid-request"), body


async def test_a_manager_acts_on_links_while_warehouse_and_support_only_read_them(world: World) -> None:
    shop, threepl = await world.pair()
    link = await started(shop, threepl)
    path = f"/links/{link.id}"
    only_readers: tuple[Role, ...] = ("warehouse", "support")
    for role in only_readers:
        somebody = await world.in_role(role, threepl, "threepl")
        assert (await somebody.get(path)).status_code == 200
        for answer in (
            await somebody.post("/links", {"account_id": shop.id}),
            await somebody.post(f"{path}/activate"),
            await somebody.post(f"{path}/deactivate"),
            await somebody.delete(path),
            await somebody.put(f"{path}/settings", {}),
        ):
            assert (answer.status_code, kind(answer)) == (403, "forbidden")
    manager = await world.in_role("manager", threepl, "threepl")
    assert (await manager.put(f"{path}/settings", {"charge_to": "shop"})).json()["version"] == 2
    assert (await manager.post(f"{path}/activate")).json()["status"] == "active"
    assert (await manager.get(f"/accounts/{threepl.id}/api-keys")).status_code == 403


async def test_simultaneous_acts_leave_versions_without_gaps_and_epochs_that_count_the_ends(
    world: World, settings: Settings
) -> None:
    shop, threepl = await world.pair()
    link = await active(shop, threepl)
    path = f"/links/{link.id}"
    answers = await asyncio.gather(
        *(
            person.post(f"{path}/{act}")
            for _ in range(10)
            for person in (shop, threepl)
            for act in ("deactivate", "activate")
        ),
        *(threepl.put(f"{path}/settings", {"client_reference": f"c-{number}"}) for number in range(10)),
    )
    refused = [kind(answer) for answer in answers if answer.status_code != 200]
    assert set(refused) <= {"waiting-for-other-side"}
    last = Link.model_validate((await shop.get(path)).json())
    told = await announced(settings, last.version)
    assert [each.version for each in told] == list(range(1, last.version + 1))
    assert told[-1] == last
    ends = sum(
        (before.status, after.status) == ("active", "inactive") for before, after in itertools.pairwise(told)
    )
    assert last.epoch == ends
    history = (await shop.get(f"{path}/history", limit=200)).json()["history"]
    assert [line["version"] for line in history] == list(range(last.version, 0, -1))


async def test_bytes_that_make_no_sense_are_refused_and_end_no_connection(
    world: World, settings: Settings
) -> None:
    shop, _ = await world.pair()
    app = build(settings)
    transport = httpx.ASGITransport(app=app)  # which raises what would end a connection
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        headers = {"Authorization": f"Bearer {shop.token}", "Content-Type": "application/json"}
        assert (await client.get("/links/%00", headers=headers)).status_code == 422
        for bytes_ in (b"\xff\xfe", b"[" * 100_000, b"{", b'{"email": "\\ud800@example.com"}'):
            answer = await client.post("/links", content=bytes_, headers=headers)
            assert (answer.status_code in (400, 422), kind(answer)) == (True, "invalid-request")
    await app.state.parts.database.close()

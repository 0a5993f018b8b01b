"""Plans: set by operators; one that no longer allows links turns the account's switches off."""

import asyncio
from typing import Any

from integration.app import Settings
from shared.contracts import cloudevents, links
from shared.contracts.links import Link
from shared.kafka.topics import LINKS
from tests.component.integration.conftest import Person, World, kind_of
from tests.harness import read_topic, until


async def linked(shop: Person, threepl: Person) -> str:
    link = (await shop.post("/links", {"account_id": threepl.id})).json()
    assert (await threepl.post(f"/links/{link['id']}/activate")).json()["status"] == "active"
    return str(link["id"])


async def plan(world: World, of: Person, name: str) -> Any:
    answer = await world.operator.put(f"/accounts/{of.id}/plan", {"plan": name})
    assert answer.status_code == 200, answer.text
    return answer.json()["plan"]


async def test_a_lapse_turns_off_all_switches_of_the_account_and_a_renewal_turns_none_on(
    world: World, settings: Settings
) -> None:
    threepl = await world.account("threepl")
    shops = [await world.account("shop") for _ in range(3)]
    active = [await linked(shop, threepl) for shop in shops[:2]]
    started = (await threepl.post("/links", {"account_id": shops[2].id})).json()["id"]
    assert await plan(world, threepl, "grow") == "grow"
    for link_id in active:
        link = (await threepl.get(f"/links/{link_id}")).json()
        assert (link["status"], link["shop_on"], link["threepl_on"]) == ("inactive", True, False)
        assert (link["version"], link["epoch"]) == (3, 1)
        line = (await threepl.get(f"/links/{link_id}/history")).json()["history"][0]
        assert (line["act"], line["who"], line["version"]) == ("lapse", world.operator.id, 3)
    pending = (await threepl.get(f"/links/{started}")).json()
    assert (pending["status"], pending["threepl_on"], pending["version"]) == ("pending", False, 2)
    await plan(world, threepl, "conquer")
    assert (await threepl.get(f"/links/{active[0]}")).json()["version"] == 3

    async def announced() -> bool:
        records = await read_topic(settings.kafka_bootstrap_servers, settings.topic_prefix + LINKS)
        told = [links.read(cloudevents.read(record.value, record.headers)) for record in records]
        latest: dict[str, Link] = {link.id: link for link in told}
        return [latest[link_id].version for link_id in (*active, started) if link_id in latest] == [3, 3, 2]

    await until("the lapse is announced for every link", announced)


async def test_a_plan_that_still_allows_links_and_an_operators_plan_turn_nothing_off(world: World) -> None:
    shop, threepl = await world.pair()
    link = await linked(shop, threepl)
    await plan(world, shop, "grow")
    await plan(world, world.operator, "free")
    assert (await shop.get(f"/links/{link}")).json()["version"] == 2


async def test_a_lapse_and_an_activation_at_the_same_moment_never_leave_a_link_active(world: World) -> None:
    shop, threepl = await world.pair()
    link = await linked(shop, threepl)
    for _ in range(10):
        await plan(world, threepl, "conquer")
        await threepl.post(f"/links/{link}/deactivate")
        acted, _ = await asyncio.gather(threepl.post(f"/links/{link}/activate"), plan(world, threepl, "free"))
        assert acted.status_code == 200 or kind_of(acted) == "plan-required"
        assert (await shop.get(f"/links/{link}")).json()["threepl_on"] is False


async def test_only_operators_set_plans(world: World) -> None:
    shop = await world.account("shop")
    for caller in (shop, await world.in_role("support", world.operator, "operator")):
        refused = await caller.put(f"/accounts/{shop.id}/plan", {"plan": "conquer"})
        assert (refused.status_code, kind_of(refused)) == (403, "forbidden")
    missing = await world.operator.put("/accounts/S-0000-0000/plan", {"plan": "grow"})
    assert (missing.status_code, kind_of(missing)) == (404, "not-found")

"""Processes are killed while orders flow: nothing lost, nothing held twice, nothing out of order."""

import asyncio
from collections import Counter, defaultdict

import pytest

from deploy.local.platform import Platform
from tests.chaos.kills import kill
from tests.e2e.cast import Cast, cast
from tests.harness import events, until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(480)]

ORDERS = 2000
UPDATED = range(0, ORDERS, 4)
VICTIMS = ("integration", "order-router", "webhook-dispatcher", "kafka", "postgres")


async def kill_in_turn(play: Cast) -> None:
    """One victim after another, each once a good part more of the orders has arrived."""
    for number, name in enumerate(VICTIMS, 1):
        wanted = ORDERS * number // (len(VICTIMS) + 2)

        async def arrived(wanted: int = wanted) -> bool:
            return len(await play.accepted()) >= wanted

        await until(f"{wanted} orders have arrived", arrived, patience=120)
        await kill(play.platform, name)


async def test_every_part_is_killed_in_turn_while_two_thousand_orders_flow(platform: Platform) -> None:
    async with cast(platform) as play:
        created = play.orders(range(ORDERS))
        updates = play.orders(range(ORDERS), "updated", note="ring twice")
        flow = [
            event
            for number, event in enumerate(created)
            for event in ([event, updates[number]] if number in UPDATED else [event])
        ]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(play.publish(flow, pause=0.1))
            tasks.create_task(kill_in_turn(play))

        said = await until("everything assigned is delivered", lambda: all_delivered(play), patience=180)
        holders = await play.holders()
    check_assignments(play, said)
    assert holders == {str(event["data"]["id"]): "threepl" for event in created}
    check_webhooks(play, said)


async def all_delivered(play: Cast) -> list[dict[str, object]] | None:
    """The shop's assignment events, once each order was assigned and each event has been taken by the 3PL."""
    topic = await events(play.platform.bootstrap_servers, "assignments")
    said = [event for event in topic if event["data"]["shop_id"] == play.shop.id]
    taken = {(each["data"]["id"], each["sequence"]) for each in play.receiver.accepted}
    wanted = {(event["data"]["order_id"], event["data"]["sequence"]) for event in said}
    assigned = {event["data"]["order_id"] for event in said if event["type"].endswith(".assigned")}
    return said if len(assigned) == ORDERS and wanted == taken else None


def check_assignments(play: Cast, said: list[dict[str, object]]) -> None:
    """Each order was assigned once, its events lie in their order; one said twice is the same."""
    once = {str(event["id"]): event for event in said}
    assert all(once[str(event["id"])] == event for event in said)
    assigned = Counter(
        event["data"]["order_id"]  # type: ignore[index]
        for event in once.values()
        if str(event["type"]).endswith(".assigned")
    )
    assert set(assigned.values()) == {1}
    sequences: dict[str, list[int]] = defaultdict(list)
    for event in once.values():
        sequences[event["data"]["order_id"]].append(event["data"]["sequence"])  # type: ignore[index]
    assert all(seen == list(range(1, len(seen) + 1)) for seen in sequences.values())


def check_webhooks(play: Cast, said: list[dict[str, object]]) -> None:
    """Every event arrived, in its order's order, and each repeat under the webhook-id of the first."""
    assert play.receiver.out_of_order() == []
    assert play.receiver.unverified == 0
    ids: dict[tuple[str, int], set[str]] = defaultdict(set)
    for webhook in play.receiver.accepted:
        ids[(webhook["data"]["id"], webhook["sequence"])].add(webhook["webhook-id"])
    assert {len(each) for each in ids.values()} == {1}
    assert len(ids) == len({str(event["id"]) for event in said})

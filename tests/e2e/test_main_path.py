"""The whole of Orderdock as separate processes: what a shop publishes is what its 3PL receives."""

import pytest

from deploy.local.platform import Platform
from tests.e2e.cast import cast
from tests.harness import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_order_published_to_kafka_reaches_the_linked_3pl_as_a_signed_webhook(
    platform: Platform,
) -> None:
    async with cast(platform) as play:
        [event] = play.orders(range(3, 4))
        await play.publish([event])
        await until("the webhook is there", play.accepted)
    [webhook] = play.receiver.accepted
    assert (webhook["type"], webhook["sequence"]) == ("order.created", 1)
    assert (webhook["data"]["shop"], webhook["data"]["gift_note"]) == (play.shop.id, None)
    assert webhook["assignment"]["client_reference"] == "C-1"
    assert (webhook["assignment"]["link_id"], webhook["assignment"]["holder"]) == (play.link_id, "threepl")
    assert play.receiver.unverified == 0


async def test_deactivated_and_at_once_activated_while_orders_flow_and_the_router_is_stopped(
    platform: Platform,
) -> None:
    async with cast(platform) as play:
        before, meanwhile, after = (
            play.orders(range(300)),
            play.orders(range(300, 400)),
            play.orders(range(400, 500)),
        )
        await play.publish(before)

        async def all_taken() -> bool:
            return len(await play.accepted()) >= len(before)

        await until("the 3PL has every order from before", all_taken)
        await platform.pause("order-router")
        await play.publish(meanwhile)
        await play.shop.api.post("integration", f"/links/{play.link_id}/deactivate")
        link = await play.shop.api.post("integration", f"/links/{play.link_id}/activate")
        await play.publish(after)
        await platform.resume("order-router")

        async def all_held() -> dict[str, str] | None:
            holders = await play.holders()
            return holders if len(holders) == 500 else None

        holders = await until("the router has every order", all_held)

        async def all_said() -> bool:
            said = [each for each in play.receiver.accepted if each["assignment"]["holder"] == "shop"]
            return len(said) >= len(before) and len(await play.accepted()) >= 500

        await until("the 3PL was told of each", all_said)
    assert (link["status"], link["epoch"]) == ("active", 1)
    assert {holders[str(event["data"]["id"])] for event in before} == {"shop"}
    assert {holders[str(event["data"]["id"])] for event in meanwhile + after} == {"threepl"}
    assert play.receiver.out_of_order() == []

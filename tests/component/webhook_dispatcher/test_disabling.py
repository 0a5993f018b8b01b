"""An endpoint that fails for long is warned, then disabled; its deliveries wait for it."""

from tests.component.webhook_dispatcher.conftest import World
from tests.harness import until

SIX_SECONDS = 6 / 86_400


def kinds(events: list[dict[str, object]]) -> list[str]:
    return [str(each["type"]).rpartition(".")[2] for each in events]


async def test_it_is_warned_at_half_time_and_disabled_at_the_end(world: World) -> None:
    world.receiver.will_answer("/", *[500] * 500)
    schedule = ",".join(["0.5"] * 20)
    async with world.start(disable_after_days=SIX_SECONDS, retry_schedule=schedule) as client:
        await world.assign(world.held("1"))
        said = await world.announced(2)
        [endpoint] = await world.endpoints(client)
        tried = len(world.receiver.received)
        await world.assign(world.held("2"))

        async def both_wait() -> bool:
            return len(await world.deliveries(client, status="waiting")) == 2

        await until("both wait", both_wait)
        del world.receiver.answers["/"]
        tried_when_disabled = len(world.receiver.received)
        await client.post(f"/endpoints/{endpoint['id']}/enable", headers=world.threepl())
        deliveries = await world.ended(client, 2)
        [after] = await world.endpoints(client)
    assert kinds(said) == ["warned", "disabled"]
    assert (endpoint["enabled"], endpoint["failing_since"] is None) == (False, False)
    assert endpoint["disabled_reason"].startswith("it has failed since ")
    assert tried_when_disabled == tried
    assert [each["status"] for each in deliveries] == ["delivered", "delivered"]
    assert (after["enabled"], after["failing_since"]) == (True, None)


async def test_one_delivered_webhook_begins_the_time_anew(world: World) -> None:
    world.receiver.will_answer("/", 500, 200, 500)
    async with world.start(disable_after_days=SIX_SECONDS, retry_schedule="4,4") as client:
        await world.assign(world.held("1"), world.held("1", 2))
        await world.ended(client, 2)
        [endpoint] = await world.endpoints(client)
        [warned] = await world.rows("SELECT warned_at FROM endpoints")
    assert (endpoint["enabled"], endpoint["failing_since"], warned.warned_at) == (True, None, None)

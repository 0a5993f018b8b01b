"""Assignment events become signed webhooks: sent until taken, in order per order, each event once."""

import random
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from shared.contracts.assignments import RELEASED
from tests.builders import SHOP, THREEPL, assignment_message, link_message, order
from tests.component.webhook_dispatcher.conftest import World
from tests.harness import read_topic, until


async def test_an_assigned_order_arrives_signed_and_is_settled(world: World) -> None:
    async with world.start() as client:
        await world.assign(world.held("1"))
        [webhook] = await world.receiver.got(1)
        [delivery] = await world.ended(client, 1)
        secret = await world.secret(client, delivery["endpoint_id"])
        detail = await world.detail(client, delivery["id"])
    said = Webhook(secret).verify(webhook.body, dict(webhook.headers))
    assert (said["type"], said["sequence"], said["data"]) == ("order.created", 1, order("1"))
    assert (said["assignment"]["link_id"], said["assignment"]["threepl_id"]) == ("link-1", THREEPL)
    assert webhook.headers["Content-Type"] == "application/json"
    assert webhook.headers["Accept-Encoding"] == "identity"
    assert webhook.headers["User-Agent"].startswith("Orderdock/")
    assert (delivery["id"], delivery["status"], delivery["attempts"]) == (webhook.id, "delivered", 1)
    [attempt] = detail["made"]
    assert (attempt["number"], attempt["status"], attempt["outcome"]) == (1, 200, "delivered")
    assert (attempt["answer"], attempt["error"], attempt["url"]) == ("thank you", None, delivery["url"])


async def test_a_released_order_is_an_update_and_other_types_say_nothing(world: World) -> None:
    held = world.held("1", 2, holder="shop")
    async with world.start() as client:
        other = assignment_message(held).replace(b"assignment.assigned", b"assignment.invented")
        await world.publish("assignments", "1", other)
        await world.publish("assignments", "1", assignment_message(held, RELEASED))
        [webhook] = await world.receiver.got(1)
        deliveries = await world.ended(client, 1)
    assert (webhook.said["type"], webhook.said["assignment"]["holder"]) == ("order.updated", "shop")
    assert len(deliveries) == 1


async def test_a_failed_delivery_is_sent_again_with_the_same_id_and_body(world: World) -> None:
    world.receiver.will_answer("/", 500, 302, 503)
    async with world.start() as client:
        await world.assign(world.held("1"))
        [delivery] = await world.ended(client, 1)
        detail = await world.detail(client, delivery["id"])
    assert {(each.id, each.body) for each in world.receiver.received} == {
        (delivery["id"], world.receiver.received[0].body)
    }
    assert (delivery["status"], delivery["attempts"], delivery["failures"]) == ("delivered", 4, 3)
    assert [each["status"] for each in detail["made"]] == [500, 302, 503, 200]
    assert [each["outcome"] for each in detail["made"]] == ["failed", "failed", "failed", "delivered"]


async def test_an_exhausted_delivery_is_announced_and_lets_the_orders_next_one_go(world: World) -> None:
    world.receiver.will_answer("/", 500, 500, 500, 500)
    async with world.start() as client:
        await world.assign(world.held("1", 1), world.held("1", 2))
        first, second = await world.ended(client, 2)
        [said] = await world.announced(1)
    assert (first["status"], first["attempts"], second["status"]) == ("exhausted", 4, "delivered")
    assert said["type"] == "com.orderdock.delivery.exhausted"
    assert said["data"]["delivery_id"] == first["id"]
    assert (said["data"]["shop_id"], said["data"]["order_id"]) == (SHOP, "1")
    assert said["data"]["reason"] == "attempt 4: it answered 500"


async def test_a_refused_body_is_not_sent_again(world: World) -> None:
    world.receiver.will_answer("/", 422)
    async with world.start() as client:
        await world.assign(world.held("1"))
        [delivery] = await world.ended(client, 1)
        [said] = await world.announced(1)
    assert (delivery["status"], delivery["attempts"]) == ("refused", 1)
    assert said["type"] == "com.orderdock.delivery.refused"


async def test_an_orders_later_event_waits_and_other_orders_do_not(world: World) -> None:
    async with world.start() as client:
        await world.assign(world.held("1", 1, path="/slow"), world.held("1", 2), world.held("2"))
        [fast] = await world.receiver.got(1, "/")
        await world.receiver.got(1, "/slow")

        async def both() -> list[dict[str, object]]:
            found = await world.deliveries(client, order_id="1")
            return found if len(found) == 2 else []

        [_, behind] = await until("both events of the first order are there", both)
        world.receiver.open.set()
        await world.ended(client, 3)
    assert fast.said["data"]["id"] == "2"
    assert behind["behind"] is True
    first_order = [
        each.said["sequence"] for each in world.receiver.received if each.said["data"]["id"] == "1"
    ]
    assert first_order == [1, 2]


async def test_many_orders_keep_their_order_while_answers_fail_at_random(world: World) -> None:
    chance = random.Random(7)
    world.receiver.will_answer("/", *(chance.choice([200, 200, 503]) for _ in range(600)))
    schedule = ",".join(["0.05"] * 20)
    async with (
        world.start(retry_schedule=schedule, concurrency=16) as client,
        world.start(retry_schedule=schedule, concurrency=16),
    ):
        for sequence in range(1, 9):
            await world.assign(*(world.held(str(number), sequence) for number in range(25)))
        deliveries = await world.ended(client, 200)
    assert {each["status"] for each in deliveries} == {"delivered"}
    taken: dict[str, list[int]] = {}
    for each in world.receiver.received:
        arrived = taken.setdefault(each.said["data"]["id"], [])
        if each.said["sequence"] not in arrived:
            arrived.append(each.said["sequence"])
    assert taken == {str(number): list(range(1, 9)) for number in range(25)}


async def test_the_same_event_twice_is_one_delivery(world: World) -> None:
    async with world.start() as client:
        await world.assign(world.held("1", 1), world.held("1", 1))
        await world.receiver.got(1)
        await world.assign(world.held("1", 1), world.held("1", 2))
        deliveries = await world.ended(client, 2)
    assert [each["sequence"] for each in deliveries] == [1, 2]
    assert len(world.receiver.received) == 2


async def test_without_a_webhook_url_there_is_no_delivery(world: World) -> None:
    async with world.start() as client:
        await world.assign(world.held("1", path=None), world.held("2"))
        [delivery] = await world.ended(client, 1)
    assert delivery["order_id"] == "2"


async def test_an_event_older_than_the_retention_makes_no_delivery(world: World) -> None:
    old = assignment_message(world.held("1"), time=datetime.now(UTC) - timedelta(days=31))
    async with world.start() as client:
        await world.publish("assignments", "1", old)
        await world.assign(world.held("2"))
        [delivery] = await world.ended(client, 1)
    assert delivery["order_id"] == "2"


async def test_a_message_that_can_never_work_is_a_dead_letter_and_the_others_go(world: World) -> None:
    letters = world.prefix + "webhook-dispatcher.dead-letter"

    async def announced() -> list[str]:
        records = await read_topic(world.servers.bootstrap_servers, letters)
        return sorted(record.headers["reason"].decode() for record in records) if len(records) == 3 else []

    async with world.start():
        malformed = assignment_message(world.held("9")).replace(SHOP.encode(), b"S-0000-0001")
        await world.publish("assignments", "1", b"\xff no JSON")
        await world.publish("assignments", "1", malformed)
        await world.publish("links", "link-1", link_message().replace(b'"version":1', b'"version":0'))
        await world.assign(world.held("1"))
        await world.receiver.got(1)
        reasons = await until("three dead letters", announced)
    assert [reason.partition(":")[0] for reason in reasons] == ["no JSON", "no assignment", "no link"]


async def test_a_refused_address_is_an_attempt_with_that_error(world: World) -> None:
    async with world.start(allowed_networks="", retry_schedule="0.1") as client:
        by_name = {"webhook_url": world.receiver.url.replace("127.0.0.1", "localhost")}
        await world.assign(world.held("1"), world.held("2", settings=by_name))
        deliveries = await world.ended(client, 2)
        errors = [(await world.detail(client, each["id"]))["made"][0]["error"] for each in deliveries]
    assert world.receiver.received == []
    assert {each["status"] for each in deliveries} == {"exhausted"}
    assert all("is not a public address" in error for error in errors)


async def test_plain_http_is_refused_unless_allowed(world: World) -> None:
    async with world.start(allow_http=False, retry_schedule="0.1") as client:
        await world.assign(world.held("1"))
        [delivery] = await world.ended(client, 1)
        detail = await world.detail(client, delivery["id"])
    assert world.receiver.received == []
    assert detail["made"][0]["error"] == "nothing is sent to this URL: it must begin with https://"

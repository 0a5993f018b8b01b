"""A link's state makes its endpoint, and its URL for open orders moves what is unfinished (DESIGN 5.3)."""

import pytest
from cryptography.fernet import Fernet

from shared.errors import SettingsWrong
from tests.component.webhook_dispatcher.conftest import KEY, World
from tests.harness import until


def open_setting(url: str | None, version: int) -> dict[str, object]:
    return {
        "version": version,
        "settings": {"webhook_url": url},
        "open_settings": {"webhook_url": {"value": url, "version": version}},
    }


async def test_an_endpoint_is_there_before_its_first_order_and_is_never_made_twice(world: World) -> None:
    url = world.receiver.url + "/"
    async with world.start() as client:
        await world.link(settings={"webhook_url": url})

        async def made() -> list[dict[str, object]]:
            return await world.endpoints(client)

        [before] = await until("the link's endpoint", made)
        await world.link(version=2)
        await world.link(version=3, settings={"webhook_url": url})
        await world.assign(world.held("1"))
        await world.ended(client, 1)
        [after] = await world.endpoints(client)
    assert before == after
    assert (before["link_id"], before["url"], before["enabled"]) == ("link-1", url, True)


async def test_secrets_cannot_be_read_from_the_table(world: World) -> None:
    async with world.start() as client:
        await world.assign(world.held("1"))
        [delivery] = await world.ended(client, 1)
        secret = await world.secret(client, delivery["endpoint_id"])
    [row] = await world.rows("SELECT endpoints.secret, endpoints::text AS whole FROM endpoints")
    assert secret.startswith("whsec_")
    assert secret.encode() not in row.secret
    assert secret.removeprefix("whsec_") not in row.whole


async def test_it_refuses_to_start_without_the_key_that_its_secrets_were_stored_with(world: World) -> None:
    async with world.start() as client:
        await world.assign(world.held("1"))
        await world.ended(client, 1)
    other = Fernet.generate_key().decode()
    with pytest.raises(SettingsWrong, match="ORDERDOCK_ENCRYPTION_KEYS"):
        async with world.start(encryption_keys=other):
            pass
    async with world.start(encryption_keys=f"{other},{KEY}") as client:
        await world.assign(world.held("2"))
        assert len(await world.ended(client, 2)) == 2


async def test_waiting_deliveries_move_to_the_url_for_open_orders(world: World) -> None:
    world.receiver.will_answer("/old", 500)
    async with world.start(retry_schedule="3600") as client:
        await world.assign(world.held("1", 1, "/old"), world.held("1", 2, "/old"))
        [first] = await world.receiver.got(1, "/old")
        await world.link(**open_setting(world.receiver.url + "/new", 2))
        moved = await world.receiver.got(2, "/new")
        deliveries = await world.ended(client, 2)
    assert [each.said["sequence"] for each in moved] == [1, 2]
    assert moved[0].id == first.id
    assert [each["status"] for each in deliveries] == ["delivered", "delivered"]
    assert [each["failures"] for each in deliveries] == [0, 0]
    assert [each["attempts"] for each in deliveries] == [2, 1]


async def test_one_in_flight_moves_at_its_settling_unless_it_was_delivered(world: World) -> None:
    world.receiver.will_answer("/slow", 422, 200)
    async with world.start() as client:
        await world.assign(world.held("1", 1, "/slow"), world.held("2", 1, "/slow"))
        await world.receiver.got(2, "/slow")
        await world.link(**open_setting(world.receiver.url + "/new", 2))

        async def both_moved() -> bool:
            return all(row.moved for row in await world.rows("SELECT moved FROM deliveries"))

        await until("the link's record is applied", both_moved)
        world.receiver.open.set()
        await world.ended(client, 2)
        [moved] = await world.receiver.got(1, "/new")
        deliveries = await world.deliveries(client)
    assert [each["status"] for each in deliveries] == ["delivered", "delivered"]
    assert {each["attempts"] for each in deliveries} == {1, 2}
    assert moved.id in {each.id for each in world.receiver.received if each.path == "/slow"}


async def test_one_in_flight_that_was_moved_away_and_back_goes_again_at_once(world: World) -> None:
    world.receiver.will_answer("/slow", 500)
    async with world.start(retry_schedule="3600", request_deadline=300) as client:
        await world.assign(world.held("1", 1, "/slow"))
        await world.receiver.got(1, "/slow")
        for version, path in ((2, "/new"), (3, "/slow")):
            await world.link(**open_setting(world.receiver.url + path, version))

        async def back() -> bool:
            return [row.version for row in await world.rows("SELECT version FROM links")] == [3]

        await until("the link's records are applied", back)
        world.receiver.open.set()
        [delivery] = await world.ended(client, 1)
    assert (delivery["status"], delivery["attempts"], delivery["failures"]) == ("delivered", 2, 0)
    assert [each.path for each in world.receiver.received] == ["/slow", "/slow"]


async def test_to_no_url_what_waits_is_withdrawn_and_the_orders_next_event_goes(world: World) -> None:
    world.receiver.will_answer("/old", 500)
    async with world.start(retry_schedule="3600") as client:
        await world.assign(world.held("1", 1, "/old"), world.held("1", 2, "/old"))
        await world.receiver.got(1, "/old")
        await world.assign(world.held("1", 3, "/new", settings_version=3))

        async def three_known() -> bool:
            return len(await world.deliveries(client)) == 3

        await until("the third event is there", three_known)
        await world.link(**open_setting(None, 2))
        [arrived] = await world.receiver.got(1, "/new")
        deliveries = await world.ended(client, 3)
    assert [each["status"] for each in deliveries] == ["withdrawn", "withdrawn", "delivered"]
    assert arrived.said["sequence"] == 3


async def test_an_older_event_goes_to_the_url_for_open_orders_at_its_insert(world: World) -> None:
    async with world.start() as client:
        await world.link(**open_setting(world.receiver.url + "/new", 2))

        async def known() -> bool:
            return bool(await world.endpoints(client))

        await until("the link is known", known)
        await world.assign(world.held("1", 1, "/old"), world.held("2", 1, None))
        arrived = await world.receiver.got(2, "/new")
        await world.link(**open_setting(None, 3))

        async def none_known() -> bool:
            return [row.open_url for row in await world.rows("SELECT open_url FROM links")] == [None]

        await until("the newer state is known", none_known)
        await world.assign(world.held("3", 1, "/old"))
        deliveries = await world.ended(client, 3)
    assert {each.said["data"]["id"] for each in arrived} == {"1", "2"}
    assert [each["status"] for each in deliveries] == ["delivered", "delivered", "withdrawn"]
    assert [each.path for each in world.receiver.received] == ["/new", "/new"]


async def test_an_older_state_of_a_link_changes_nothing(world: World) -> None:
    async with world.start() as client:
        await world.link(**open_setting(world.receiver.url + "/new", 5))
        await world.link(**open_setting(world.receiver.url + "/older", 4))
        await world.link(
            version=6, open_settings={"webhook_url": {"value": world.receiver.url + "/new", "version": 5}}
        )

        async def latest() -> bool:
            return [row.version for row in await world.rows("SELECT version FROM links")] == [6]

        await until("the latest state is known", latest)
        await world.assign(world.held("1", 1, "/older"))
        [delivery] = await world.ended(client, 1)
    assert [each.path for each in world.receiver.received] == ["/new"]
    assert delivery["url"] == world.receiver.url + "/new"

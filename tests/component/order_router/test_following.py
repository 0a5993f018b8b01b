"""The worker that brings orders up to their links: what holds it back, and what doesn't."""

from datetime import timedelta
from typing import Any

from order_router.orders import Outcome, StoredOrder, Version, holding_under
from order_router.store import orders as order_store
from order_router.worker import MOST_WAITING, LinkFollower
from shared.kafka.relay import Relay
from shared.telemetry import Metrics
from tests.builders import NOW, SHOP, link
from tests.component.order_router.reading import Reading, reading
from tests.conftest import MakeDatabase

ENDED = link(version=2, epoch=1, status="inactive", shop_on=False)
PARKED = """
    INSERT INTO outbox (topic, key, value, headers, parked_reason)
    VALUES ('assignments', 'k', '', '{}', 'too large')
"""
WAITING = """
    INSERT INTO outbox (topic, key, value, headers)
    SELECT 'assignments', :key, '', '{}' FROM generate_series(1, :number)
"""


def held() -> Outcome:
    version = Version(1, "orders.created", 0, 0)
    order = StoredOrder(SHOP, "1", version, "{}", "", holding=holding_under(link()), sequence=1)
    return Outcome(order)


def follower(world: Reading) -> LinkFollower:
    return LinkFollower(world.database, Relay(world.database, "127.0.0.1:9", Metrics("test")), "assignments")


async def holder(world: Reading) -> Any:
    threepl = link().threepl_id or ""
    return (await world.ask(f"/orders/{SHOP}/1", threepl)).status_code


async def test_it_waits_while_many_messages_do_and_not_for_those_behind_a_parked_one(
    make_database: MakeDatabase,
) -> None:
    async with reading(make_database) as world:
        await world.link(link())
        await world.lay(held(), at=NOW, apart=timedelta(0))
        await world.link(ENDED)
        await world.execute(WAITING, key=b"other", number=MOST_WAITING)
        waits = await follower(world).step()
        await world.execute("DELETE FROM outbox")
        await world.execute(PARKED)
        await world.execute(WAITING, key=b"k", number=MOST_WAITING)
        goes = await follower(world).step()
    assert (waits, goes) == (False, True)


async def test_it_idles_while_somebody_holds_the_orders_that_are_left(make_database: MakeDatabase) -> None:
    async with reading(make_database) as world:
        await world.link(link())
        await world.lay(held(), at=NOW, apart=timedelta(0))
        await world.link(ENDED)
        async with world.database.transaction() as connection:
            await order_store.claim_existing(connection, [(SHOP, "1")])
            idles = await follower(world).step()
        brings_up, settles, then = [await follower(world).step() for _ in range(3)]
        seen = await holder(world)
    assert (idles, brings_up, settles, then) == (False, True, True, False)
    assert seen == 404

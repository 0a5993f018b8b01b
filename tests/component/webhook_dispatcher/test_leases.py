"""Claims and settlings on a real database: who lost its lease records nothing, nobody breaks others off."""

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from shared.database import asyncpg_url
from tests.component.webhook_dispatcher.queue_acts import HeldDatabase
from tests.component.webhook_dispatcher.queue_world import QueueWorld, settlement
from tests.conftest import MakeDatabase
from webhook_dispatcher.claims import Claim
from webhook_dispatcher.gates import Pace
from webhook_dispatcher.store import endpoints as endpoint_store
from webhook_dispatcher.store import queue
from webhook_dispatcher.turns import Look

NOW = 1_795_435_200.0
ME, OTHER = 1, 2
# As many statements as any of the acts has; where it stops after one, others come.
STOPS = range(1, 11)


@pytest.fixture
async def world(make_database: MakeDatabase) -> AsyncIterator[QueueWorld]:
    database = HeldDatabase(asyncpg_url(make_database("webhook_dispatcher")))
    yield QueueWorld(database)
    await database.close()


async def added(world: QueueWorld, *orders: int) -> None:
    """One event for each of the first partition's orders, all of one link and URL."""
    await world.add(0, world.events(0, [(order, 0, 0, 1) for order in orders]), held=0)


async def claim(world: QueueWorld, room: int, *, seconds: float = 600, holder: int = ME) -> list[Claim]:
    async with world.database.statement() as connection:
        [endpoint_id] = await world.said("SELECT id AS said FROM endpoints")
        return await queue.claim(
            connection,
            {endpoint_id: room},
            lease=uuid.uuid4(),
            seconds=seconds,
            holder=holder,
            alive=[ME, OTHER],
        )


async def settle(world: QueueWorld, *results: tuple[Claim, int]) -> set[int]:
    """The ids of those claims' deliveries whose results, by their status, were recorded."""
    async with world.database.transaction() as connection:
        group = [settlement(each, status) for each, status in results]
        return set(await queue.settle(connection, group, whole=True))


async def look(world: QueueWorld, concurrency: int) -> Look:
    async with world.database.statement() as connection:
        ids = await world.said("SELECT id AS said FROM endpoints")
        looks = await endpoint_store.look(connection, ids, Pace(concurrency), [ME, OTHER], NOW)
    return looks[ids[0]]


async def log(world: QueueWorld) -> Sequence[Any]:
    return await world.said("SELECT status || ' ' || attempts || ' ' || answer_status AS said FROM finished")


async def test_who_lost_its_lease_records_nothing_over_anothers_result(world: QueueWorld) -> None:
    await added(world, 0)
    [slow] = await claim(world, 9, seconds=0)
    [quick] = await claim(world, 9, holder=OTHER)
    nothing_left = await claim(world, 9)
    late = await settle(world, (slow, 500))
    recorded = await settle(world, (quick, 200))
    again = await settle(world, (slow, 500))
    assert nothing_left == []
    assert (late, recorded, again) == (set(), {quick.id}, set())
    assert await log(world) == ["delivered 1 200"]


@pytest.mark.parametrize(("lost", "held", "said"), [(500, 200, ["delivered 1 200"]), (200, 500, [])])
async def test_of_two_results_of_one_delivery_in_a_group_the_one_with_the_lease_counts(
    world: QueueWorld, lost: int, held: int, said: list[str]
) -> None:
    await added(world, 0, 1)
    first = {each.order_id: each for each in await claim(world, 9, seconds=0)}
    second = {each.order_id: each for each in await claim(world, 9)}
    group = [(first["1"], lost), (second["1"], held), (second["2"], 422)]
    for results in (group, list(reversed(group))):
        await settle(world, *results)
    assert sorted(await log(world)) == sorted([*said, "refused 1 422"])
    numbers = await world.said("SELECT number || ' ' || status AS said FROM attempts")
    assert numbers == ([] if said else ["1 500"])


async def test_a_look_finds_what_is_due_behind_however_many_are_in_flight(world: QueueWorld) -> None:
    await added(world, 0, 1)
    await world.add(1, world.events(1, [(0, 0, 0, 1)]), held=0)
    claims = await claim(world, 2)
    found = await look(world, concurrency=1)
    assert len(claims) == 2
    assert found.due_at is not None
    assert found.due_at <= NOW


async def test_a_look_at_what_is_in_flight_finds_when_its_lease_ends(world: QueueWorld) -> None:
    await added(world, 0)
    await claim(world, 1, seconds=30)
    found = await look(world, concurrency=1)
    assert found.due_at == pytest.approx(NOW + 30, abs=5)


async def test_nothing_ends_withdrawn_before_its_lease_does(world: QueueWorld) -> None:
    await added(world, 0, 0)
    [in_flight] = await claim(world, 9)
    await world.repoint(0, None, held=0)
    await world.tidy(held=0)
    assert await settle(world, (in_flight, 200)) == {in_flight.id}
    assert sorted(await world.said("SELECT status AS said FROM finished")) == ["delivered", "withdrawn"]


async def test_what_nobody_settles_ends_withdrawn_after_its_lease_and_its_order_goes_on(
    world: QueueWorld,
) -> None:
    await added(world, 0)
    await world.add(0, world.events(0, [(0, 0, 0, 6)]), held=0)
    await claim(world, 9, seconds=0)
    await world.repoint(0, None, held=0)
    await world.tidy(held=0)
    assert await world.said("SELECT status AS said FROM finished") == ["withdrawn"]
    assert await world.said("SELECT behind::text AS said FROM deliveries") == ["false"]


@pytest.mark.parametrize("stop", STOPS)
async def test_a_settling_and_events_that_come_meanwhile_break_each_other_off_nowhere(
    world: QueueWorld, stop: int
) -> None:
    await added(world, 0, 0, 1)
    world.alive[ME] = await claim(world, 9)
    await world.settle(0, [200, 500], held=stop)
    await added(world, 0, 1)
    await world.acts.end_all()
    assert world.acts.deadlocks == []


@pytest.mark.parametrize("stop", STOPS)
async def test_a_new_url_and_the_settling_of_a_resent_delivery_break_each_other_off_nowhere(
    world: QueueWorld, stop: int
) -> None:
    await added(world, 0)
    world.alive[ME] = await claim(world, 9)
    await world.settle(0, [200], held=0)
    await added(world, 1)
    await world.resend(0, held=0)
    world.alive[ME] = await claim(world, 9)
    await world.repoint(0, 1, held=stop)
    await world.settle(0, [500, 500], held=0)
    await world.acts.end_all()
    assert world.acts.deadlocks == []

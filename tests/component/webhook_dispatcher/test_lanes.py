"""Endpoints are divided among the processes; who dies lets go of its lanes, and of what it had in flight."""

from tests.component.webhook_dispatcher.conftest import World
from tests.harness import until
from webhook_dispatcher.store.lanes import LANES

HELD = f"""
    SELECT pid, count(*) AS lanes FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND CAST(classid AS bigint) = {LANES}
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY pid
"""


async def test_two_processes_share_the_lanes_evenly_and_one_alone_has_all(world: World) -> None:
    async def shares() -> list[int]:
        return sorted(row.lanes for row in await world.rows(HELD))

    async def shared_by(*wanted: int) -> None:
        async def so() -> bool:
            return await shares() == sorted(wanted)

        await until(f"lanes are shared {wanted}", so)

    async with world.start():
        await shared_by(64)
        async with world.start():
            await shared_by(32, 32)
        await shared_by(64)


async def test_who_loses_its_connection_takes_its_lanes_again_and_nothing_is_lost(world: World) -> None:
    async with world.start() as client:
        await world.assign(*(world.held(str(number)) for number in range(20)))
        await world.ended(client, 20)
        for row in await world.rows(HELD):
            await world.rows("SELECT pg_terminate_backend(:pid)", pid=row.pid)
        await world.assign(*(world.held(f"later {number}") for number in range(20)))
        await world.ended(client, 40)
    assert len(world.receiver.received) == 40


async def test_what_a_dead_process_had_in_flight_is_sent_at_once_and_what_a_living_one_has_is_not(
    world: World,
) -> None:
    async with world.start(request_deadline=300) as client:
        await world.assign(world.held("1", path="/slow"))
        await world.receiver.got(1, "/slow")
        async with world.start(request_deadline=300):
            # A lease of a process that nobody knows.
            await world.rows("UPDATE deliveries SET holder = 1 RETURNING id")
            await world.receiver.got(2, "/slow")
            world.receiver.open.set()
            [delivery] = await world.ended(client, 1)
    assert delivery["status"] == "delivered"
    assert len({each.id for each in world.receiver.received}) == 1

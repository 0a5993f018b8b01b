"""The queue over crashes: what was in flight is sent again with the same id, and by one process alone."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.component.webhook_dispatcher.conftest import KEY, World
from tests.harness import NOBODY


@asynccontextmanager
async def process(world: World) -> AsyncIterator[asyncio.subprocess.Process]:
    """A dispatcher as a process of its own, killed at the end."""
    environment = {
        **os.environ,
        "DATABASE_URL": world.database_url,
        "KAFKA_BOOTSTRAP_SERVERS": world.servers.bootstrap_servers,
        "ORDERDOCK_TOPIC_PREFIX": world.prefix,
        "ORDERDOCK_PORT": "0",
        "ORDERDOCK_INTEGRATION_URL": NOBODY,
        "ORDERDOCK_ENCRYPTION_KEYS": KEY,
        "ORDERDOCK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "ORDERDOCK_ALLOW_HTTP": "true",
        "ORDERDOCK_RETRY_SCHEDULE": "0.1",
        "ORDERDOCK_REQUEST_DEADLINE": "1",
    }
    command = Path(sys.executable).with_name("orderdock-webhook-dispatcher")
    started = await asyncio.create_subprocess_exec(command, "serve", env=environment)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def test_killed_between_sending_and_settling_it_sends_again_with_the_same_id(world: World) -> None:
    await world.assign(world.held("1", 1, "/slow"), world.held("1", 2))
    async with process(world) as killed:
        [before] = await world.receiver.got(1, "/slow")
        killed.send_signal(signal.SIGKILL)
        await killed.wait()
    world.receiver.open.set()
    async with process(world) as stopped:
        [_, after] = await world.receiver.got(2, "/slow")
        [later] = await world.receiver.got(1, "/")
        stopped.terminate()
        code = await stopped.wait()
    assert (before.id, before.body) == (after.id, after.body)
    assert [each.said["sequence"] for each in world.receiver.received] == [1, 1, 2]
    assert later.id != before.id
    assert code in (0, -signal.SIGTERM)


async def test_when_it_stops_what_is_in_flight_is_settled_first(world: World) -> None:
    async with world.start():
        await world.assign(world.held("1", 1, "/slow"))
        await world.receiver.got(1, "/slow")
        asyncio.get_running_loop().call_later(0.3, world.receiver.open.set)
    [delivery] = await world.rows("SELECT status, attempts FROM finished")
    assert (delivery.status, delivery.attempts) == ("delivered", 1)
    assert await world.rows("SELECT id FROM deliveries") == []


async def test_several_processes_share_the_queue_and_send_each_delivery_once(world: World) -> None:
    async with world.start(concurrency=5) as client, world.start(concurrency=5), world.start(concurrency=5):
        await world.assign(*(world.held(str(number)) for number in range(150)))
        deliveries = await world.ended(client, 150)
    assert {each["status"] for each in deliveries} == {"delivered"}
    assert len(world.receiver.received) == 150
    assert len({each.id for each in world.receiver.received}) == 150

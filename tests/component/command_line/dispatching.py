"""A dispatcher beside the command line's integration, a receiver, and a 3PL whose webhooks go there."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.fernet import Fernet

from deploy.local import databases, memory
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.service_process import Service
from shared.kafka.topics import create_topics
from tests.builders import assignment, assignment_message, link_message
from tests.component.command_line.conftest import Desk, Running
from tests.component.webhook_dispatcher.conftest import Receiver
from tests.conftest import MakeDatabase
from tests.harness import publish, until
from tests.servers import Servers

THREEPL = ("--as", "north")


@dataclass(frozen=True)
class Dispatcher:
    """A dispatcher beside the integration of these tests, and what its webhooks go to."""

    servers: Servers
    port: int
    prefix: str
    receiver: Receiver

    async def tell(self, topic: str, *messages: bytes) -> None:
        told = [(self.prefix + topic, b"key", message) for message in messages]
        await publish(self.servers.bootstrap_servers, *told)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on loopback."""
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/{path:.*}", receiver.on_webhook)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    receiver.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    yield receiver
    receiver.open.set()
    await runner.cleanup()


@asynccontextmanager
async def dispatching(
    servers: Servers, template: MakeDatabase, running: Running, folder: Path
) -> AsyncIterator[Dispatcher]:
    """A dispatcher in a process of its own, which tries again soon and not often."""
    name, prefix = f"test_command_line_{uuid.uuid4().hex[:8]}", f"t{uuid.uuid4().hex[:10]}."
    original = await asyncio.to_thread(template, "webhook_dispatcher")
    await databases.create(servers.database_url, name, original)
    await create_topics(servers.bootstrap_servers, prefix, most_partitions=1)
    port = free_port()
    settings = {
        "DATABASE_URL": databases.on_server(servers.database_url, name),
        "KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
        "ORDERDOCK_HOST": LOOPBACK,
        "ORDERDOCK_PORT": str(port),
        "ORDERDOCK_TOPIC_PREFIX": prefix,
        "ORDERDOCK_INTEGRATION_URL": f"http://{LOOPBACK}:{running.port}",
        "ORDERDOCK_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ORDERDOCK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "ORDERDOCK_ALLOW_HTTP": "true",
        "ORDERDOCK_RETRY_SCHEDULE": "0.1,0.1",
    }
    service = Service(
        "webhook-dispatcher", port, {**os.environ, **settings}, pid_file=folder / "pid", log=folder / "log"
    )
    service.launch()
    await asyncio.to_thread(service.wait_ready)
    async with receiving() as receiver:
        yield Dispatcher(servers, port, prefix, receiver)
        await asyncio.to_thread(service.stop)
    await databases.drop(servers.database_url, name)


@dataclass(frozen=True)
class Webhooks:
    """A 3PL at the terminal, whose link's webhooks go to a path of its own at the receiver."""

    desk: Desk
    dispatcher: Dispatcher
    shop: str
    threepl: str
    link_id: str

    @property
    def path(self) -> str:
        return f"/{self.link_id}"

    def name(self, order_id: str) -> str:
        return f"{self.shop}/{order_id}"

    async def assign(self, *order_ids: str) -> None:
        """The first event of each of these orders, for the link's endpoint."""
        whose: dict[str, Any] = {
            "shop_id": self.shop,
            "threepl_id": self.threepl,
            "link_id": self.link_id,
            "settings": {"webhook_url": self.dispatcher.receiver.url + self.path},
        }
        held = [assignment(each, **whose) for each in order_ids]
        await self.dispatcher.tell("assignments", *map(assignment_message, held))

    async def listed(self, *filters: str) -> list[dict[str, Any]]:
        return list(await self.desk.ask("deliveries", "list", *filters, *THREEPL))

    async def ended(self, *order_ids: str) -> list[dict[str, Any]]:
        """The deliveries of these orders, in their order, once none of them waits."""

        async def over() -> list[dict[str, Any]]:
            found = {each["order_id"]: each for each in await self.listed() if each["status"] != "waiting"}
            return [found[each] for each in order_ids] if found.keys() >= set(order_ids) else []

        return list(await until("the deliveries have ended", over))

    async def sent(self, *order_ids: str, answers: tuple[int, ...] = ()) -> list[dict[str, Any]]:
        """The deliveries of orders that are assigned now, once ended; what is answered first, before 200."""
        self.dispatcher.receiver.will_answer(self.path, *answers)
        await self.assign(*order_ids)
        return await self.ended(*order_ids)


async def linked(pair: Desk, dispatcher: Dispatcher) -> Webhooks:
    """The 3PL with an active link, which the dispatcher is told of."""
    memory.write_ports(pair.folder, {"integration": pair.running.port, "webhook-dispatcher": dispatcher.port})
    shop, threepl = (pair.keys[name]["account_id"] for name in ("Teapot & Co", "North Fulfilment"))
    link = await pair.ask("links", "start", threepl, "--as", "teapot")
    await dispatcher.tell("links", link_message(id=link["id"], shop_id=shop, threepl_id=threepl))
    return Webhooks(pair, dispatcher, shop, threepl, link["id"])

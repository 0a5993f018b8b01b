"""An order-router beside the command line's integration, and a shop whose orders go through it to a 3PL."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from deploy.local import databases, memory
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.service_process import Service
from shared.database import Database, asyncpg_url
from shared.kafka.topics import create_topics
from tests.builders import link_message, order, order_event
from tests.conftest import MakeDatabase
from tests.harness import publish, until
from tests.servers import Servers

if TYPE_CHECKING:  # conftest makes fixtures of what is here
    from tests.component.command_line.conftest import Desk, Running

SHOP, THREEPL = ("--as", "teapot"), ("--as", "north")


@dataclass(frozen=True)
class Router:
    """An order-router beside the integration of these tests, with topics of its own."""

    servers: Servers
    port: int
    prefix: str
    database: Database

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    async def tell(self, *messages: tuple[str, bytes]) -> None:
        """Publishes (topic, value) messages."""
        told = [(self.prefix + topic, b"key", value) for topic, value in messages]
        await publish(self.servers.bootstrap_servers, *told)

    async def knows(self, link_id: str, version: int = 1) -> bool:
        """Whether it has applied this version of the link."""
        query = text("SELECT EXISTS (SELECT FROM links WHERE id = :id AND version >= :version)")
        async with self.database.transaction() as connection:
            return bool(await connection.scalar(query, {"id": link_id, "version": version}))


@asynccontextmanager
async def routing(
    servers: Servers, template: MakeDatabase, running: "Running", folder: Path
) -> AsyncIterator[Router]:
    """A router in a process of its own."""
    name, prefix = f"test_command_line_{uuid.uuid4().hex[:8]}", f"t{uuid.uuid4().hex[:10]}."
    await databases.create(servers.database_url, name, await asyncio.to_thread(template, "order_router"))
    await create_topics(servers.bootstrap_servers, prefix, most_partitions=1)
    url, port = databases.on_server(servers.database_url, name), free_port()
    settings = {
        "DATABASE_URL": url,
        "KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
        "ORDERDOCK_HOST": LOOPBACK,
        "ORDERDOCK_PORT": str(port),
        "ORDERDOCK_TOPIC_PREFIX": prefix,
        "ORDERDOCK_INTEGRATION_URL": f"http://{LOOPBACK}:{running.port}",
    }
    service = Service(
        "order-router", port, {**os.environ, **settings}, pid_file=folder / "pid", log=folder / "log"
    )
    service.launch()
    await asyncio.to_thread(service.wait_ready)
    database = Database(asyncpg_url(url))
    yield Router(servers, port, prefix, database)
    await database.close()
    await asyncio.to_thread(service.stop)
    await databases.drop(servers.database_url, name)


@dataclass(frozen=True)
class Stock:
    """A shop whose orders go to a 3PL, and both at the terminal."""

    desk: "Desk"
    router: Router
    shop: str
    link_id: str

    def names(self, *order_ids: str) -> list[str]:
        return [f"{self.shop}/{order_id}" for order_id in order_ids]

    async def has(self, *order_ids: str, **contents: Any) -> list[str]:
        """Orders that the 3PL holds; answers their names."""
        events = [order_event(order(each, **contents), shop=self.shop) for each in order_ids]
        await self.router.tell(*(("orders.created", event) for event in events))

        async def arrived() -> bool:
            found = await self.desk.ask("orders", "list", "--limit", "5000", *THREEPL)
            return set(order_ids) <= {each["order_id"] for each in found}

        await until("the 3PL holds the orders", arrived)
        return self.names(*order_ids)


async def stocked(pair: "Desk", router: Router) -> Stock:
    """The shop and the 3PL with an active link, which the router knows."""
    ports = {"integration": pair.running.port, "order-router": router.port}
    memory.write_ports(pair.folder, ports)
    shop, threepl = (pair.keys[name]["account_id"] for name in ("Teapot & Co", "North Fulfilment"))
    link = await pair.ask("links", "start", threepl, *SHOP)
    told = link_message(id=link["id"], shop_id=shop, threepl_id=threepl)
    await router.tell(("links", told))
    await until("the router knows the link", lambda: router.knows(link["id"]))
    return Stock(pair, router, shop, link["id"])

"""A database that older code has filled comes to the tables of today, with what it holds."""

import asyncio
import json
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from deploy.local import databases
from deploy.local.apart import run_apart
from shared.database import Database, asyncpg_url, migrate
from tests.builders import SHOP, THREEPL, order
from tests.conftest import MIGRATIONS
from tests.servers import Servers

STORED = [
    ("held", order("held"), "open", "link-1"),
    ("unpaid", order("unpaid", routable=False), "open", None),
    ("cancelled", order("cancelled"), "cancelled", "link-1"),
    ("with NUL", order("with NUL", note='a\0b "c\\u0000', routable=False), "open", None),
]
INSERT = text(
    """
    INSERT INTO orders (shop_id, order_id, version, topic, partition, "offset", document, number, stage,
        routed, link_id, threepl_id, epoch, settings, settings_version)
    VALUES (:shop, :id, 1, 'orders.created', 0, 0, :document, 'N1', :stage, true, :link, :threepl, 0, '{}', 1)
    """
)


@pytest.fixture
def first_tables(servers: Servers) -> Iterator[str]:
    """The URL of a database with the tables of the first migration."""
    name = f"test_migrations_{uuid.uuid4().hex[:12]}"
    run_apart(lambda: databases.create(servers.database_url, name))
    url = databases.on_server(servers.database_url, name)
    migrate(asyncpg_url(url), MIGRATIONS["order_router"], "0001")
    yield url
    run_apart(lambda: databases.drop(servers.database_url, name))


async def test_stored_orders_are_what_they_were_and_say_what_is_asked_of_them_now(first_tables: str) -> None:
    database = Database(asyncpg_url(first_tables))
    async with database.transaction() as connection:
        for order_id, document, stage, link in STORED:
            values = {"shop": SHOP, "id": order_id, "document": json.dumps(document), "stage": stage}
            threepl = THREEPL if link else None
            await connection.execute(INSERT, {**values, "link": link, "threepl": threepl})
    await asyncio.to_thread(migrate, asyncpg_url(first_tables), MIGRATIONS["order_router"])
    async with database.transaction() as connection:
        rows = await connection.execute(
            text("SELECT order_id, routable, says_cancelled, assigned_links, search, stage FROM orders")
        )
        found = {row.order_id: tuple(row)[1:] for row in rows}
    await database.close()
    assert found == {
        "held": (True, False, '["link-1"]', "n1 held", "open"),
        "unpaid": (False, False, "[]", "n1 unpaid", "open"),
        "cancelled": (True, True, '["link-1"]', "n1 cancelled", "cancelled"),
        "with NUL": (False, False, "[]", "n1 with nul", "open"),
    }

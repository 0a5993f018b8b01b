"""A database with the table that the handlers of these tests write to, and a service on it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from shared.database import Database, asyncpg_url
from tests.component.shared.letters import Office, office
from tests.conftest import MakeDatabase
from tests.servers import Servers


@pytest.fixture
async def database(make_database: MakeDatabase) -> AsyncIterator[Database]:
    made = Database(asyncpg_url(make_database("order_router")))
    async with made.transaction() as connection:
        await connection.execute(text("CREATE TABLE handled (value text)"))
    yield made
    await made.close()


@pytest.fixture
async def desk(servers: Servers, database: Database) -> AsyncIterator[Office]:
    """A service with its dead letters' API, whose handler takes what it is given."""
    async with office(servers, database) as made:
        yield made

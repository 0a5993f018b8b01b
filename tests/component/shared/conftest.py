"""A database with the table that the handler of these tests writes to."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from shared.database import Database, asyncpg_url
from tests.conftest import MakeDatabase


@pytest.fixture
async def database(make_database: MakeDatabase) -> AsyncIterator[Database]:
    made = Database(asyncpg_url(make_database("order_router")))
    async with made.transaction() as connection:
        await connection.execute(text("CREATE TABLE handled (value text)"))
    yield made
    await made.close()

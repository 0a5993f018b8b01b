"""A router of the test's own."""

import pytest

from tests.component.order_router.router import Router
from tests.conftest import MakeDatabase
from tests.harness import Tokens
from tests.servers import Servers


@pytest.fixture
async def router(servers: Servers, prefix: str, make_database: MakeDatabase) -> Router:
    tokens = Tokens()
    database_url = make_database("order_router")
    await tokens.trust(database_url)
    return Router(servers, prefix, database_url, tokens)

"""A router of the test's own."""

import pytest
import structlog

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


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """Those that structlog draws by itself take a second each."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])

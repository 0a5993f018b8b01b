"""What the tests run on: a real broker and a real database, fresh databases and topics for each test."""

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local import databases, demo, jars
from deploy.local.apart import run_apart
from deploy.local.jars import Say
from deploy.local.platform import Platform
from shared.database import asyncpg_url, migrate
from shared.kafka.topics import TOPICS, create_topics
from tests.servers import Servers, containers, embedded

ROOT = Path(__file__).parent.parent
MIGRATIONS = {
    "integration": ROOT / "services/integration/integration/migrations",
    "order_router": ROOT / "services/order-router/order_router/migrations",
    "webhook_dispatcher": ROOT / "services/webhook-dispatcher/webhook_dispatcher/migrations",
}

MakeDatabase = Callable[[str], str]
OWN_FOLDER = pytest.StashKey[str]()
RAN_ON = pytest.StashKey[str]()
RAN_ON_NAME = "ran_on"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--containers",
        action="store_true",
        help="run on Kafka and PostgreSQL containers; without a Docker engine this fails",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give this run a temporary folder of its own; one that passes deletes it.

    pytest's own lie in one folder, which each new run closes to other users: as root, PostgreSQL is another.
    """
    # By default structlog draws each traceback with all its variables, for seconds.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    if config.option.basetemp is None:
        config.option.basetemp = config.stash[OWN_FOLDER] = tempfile.mkdtemp(prefix="orderdock-tests-")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run in several processes, those of a file stay together, and all of the platform's first.

    What they share is made once, and the longest of them is not begun last.
    """
    for item in items:
        on_platform = "platform" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("platform" if on_platform else item.path.stem))
    items.sort(key=lambda item: "platform" not in getattr(item, "fixturenames", ()))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Download Kafka before other processes start, which can't tell how far it is."""
    if session.config.getoption("numprocesses", None) and not os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        asyncio.run(jars.class_path(_teller(session.config)))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """What another process of this run ran on."""
    if RAN_ON_NAME in getattr(node, "workeroutput", {}):
        node.config.stash[RAN_ON] = node.workeroutput[RAN_ON_NAME]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Nobody looks at what passed; what failed left its logs there."""
    if RAN_ON in session.config.stash and hasattr(session.config, "workeroutput"):
        session.config.workeroutput[RAN_ON_NAME] = session.config.stash[RAN_ON]
    if OWN_FOLDER in session.config.stash and exitstatus != pytest.ExitCode.TESTS_FAILED:
        shutil.rmtree(session.config.stash[OWN_FOLDER], ignore_errors=True)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The broker and the database of this run: given, in containers, or embedded."""
    folder = tmp_path_factory.mktemp("servers")
    given_kafka, given_database = os.environ.get("KAFKA_BOOTSTRAP_SERVERS"), os.environ.get("DATABASE_URL")
    if request.config.getoption("--containers"):
        started = containers()
    elif given_kafka and given_database:
        said = "the broker and the database given by the environment"
        started = iter([Servers(given_kafka, given_database, said)])
    else:
        started = embedded(folder, given_kafka, given_database, _teller(request.config))
    for running in started:
        request.config.stash[RAN_ON] = running.said
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what the tests ran on."""
    if RAN_ON in config.stash:
        terminalreporter.write_line(f"Ran on {config.stash[RAN_ON]}.")
    if OWN_FOLDER in config.stash and Path(config.stash[OWN_FOLDER]).exists():
        terminalreporter.write_line(f"What the tests left, logs too, is in {config.stash[OWN_FOLDER]}.")


def _teller(config: pytest.Config) -> Say:
    """Says a sentence at once, past pytest's capture: a download of the first run takes a while."""
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None

    def say(sentence: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{sentence}", end="", flush=True)  # noqa: T201

    return say


@pytest.fixture(scope="session")
def template(servers: Servers) -> Iterator[MakeDatabase]:
    """Makes, once a service, the migrated database that tests copy, and answers its name."""
    names: dict[str, str] = {}

    def make(service: str) -> str:
        if service not in names:
            name = f"template_{service}_{uuid.uuid4().hex[:8]}"
            run_apart(lambda: databases.create(servers.database_url, name))
            migrate(asyncpg_url(databases.on_server(servers.database_url, name)), MIGRATIONS[service])
            names[service] = name
        return names[service]

    yield make
    for name in names.values():
        run_apart(lambda name=name: databases.drop(servers.database_url, name))  # type: ignore[misc]


@contextmanager
def fresh_databases(servers: Servers, template: MakeDatabase) -> Iterator[MakeDatabase]:
    """Makes a fresh database of a service (`order_router`) and answers its URL; it goes with the block."""
    names: list[str] = []

    def make(service: str) -> str:
        name = f"test_{service}_{uuid.uuid4().hex[:12]}"
        run_apart(lambda: databases.create(servers.database_url, name, template(service)))
        names.append(name)
        return databases.on_server(servers.database_url, name)

    yield make
    for name in names:
        run_apart(lambda name=name: databases.drop(servers.database_url, name))  # type: ignore[misc]


@pytest.fixture
def make_database(servers: Servers, template: MakeDatabase) -> Iterator[MakeDatabase]:
    """Databases of this test's own."""
    with fresh_databases(servers, template) as make:
        yield make


@asynccontextmanager
async def fresh_topics(servers: Servers) -> AsyncIterator[str]:
    """The prefix of topics that exist until the block ends."""
    mine = f"t{uuid.uuid4().hex[:10]}."
    await create_topics(servers.bootstrap_servers, mine, most_partitions=3)
    yield mine
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.bootstrap_servers)
    await admin.start()
    await admin.delete_topics([mine + topic.name for topic in TOPICS])
    await admin.close()


@pytest.fixture
async def prefix(servers: Servers) -> AsyncIterator[str]:
    """The prefix of this test's own topics."""
    async with fresh_topics(servers) as mine:
        yield mine


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """All of Orderdock, embedded, with its own broker and database: tests may kill what they like of it."""
    folder, say = tmp_path_factory.mktemp("platform"), _teller(request.config)
    made = Platform(folder, environment=demo.ENVIRONMENT, say=say)
    made.given_kafka = made.given_postgres = made.given_smtp = None
    async with made:
        yield made

"""The command line at a data folder as `orderdock up --sample` leaves it, with integration running."""

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from typer.testing import CliRunner, Result

from deploy.local import cli, databases, mail, memory, sample
from deploy.local.errors import PlatformError
from deploy.local.mailbox import Mailbox
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.service_process import Service
from integration import operators
from shared.kafka.topics import create_topics
from shared.settings import ServiceSettings
from tests.component.command_line.routing import Router, Stock, routing, stocked
from tests.conftest import MakeDatabase
from tests.harness import until
from tests.servers import Servers


@dataclass(frozen=True)
class Running:
    """Integration, whose mails lie in `folder`, and the key of its operator."""

    port: int
    folder: Path
    operator: dict[str, str]


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    out: str
    error: str
    exit_code: int

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


class Desk:
    """Somebody at the terminal, with accounts in the data folder that no other test knows."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.running = running
        self.folder = folder
        self.url = f"http://{LOOPBACK}:{running.port}"
        self.keys: dict[str, dict[str, str]] = {}
        self.keep("operator", running.operator)
        memory.write_ports(folder, {"integration": running.port})

    def keep(self, who: str, entry: dict[str, str]) -> None:
        """Puts an account's key into `sample.json`."""
        self.keys[who] = entry
        (self.folder / sample.FILE).write_text(json.dumps(list(self.keys.values())))

    async def run(
        self, *arguments: str, typed: str = "", env: dict[str, str] | None = None, data: bool = True
    ) -> Said:
        """What the command says to `typed` on stdin; as in `main`, a `PlatformError` is told on stderr."""
        given = [*arguments, *(["--data", str(self.folder)] if data else [])]
        result: Result = await asyncio.to_thread(CliRunner().invoke, cli.app, given, typed, env)
        if result.exception is not None and not isinstance(result.exception, PlatformError | SystemExit):
            raise result.exception
        error = str(result.exception) if isinstance(result.exception, PlatformError) else result.stderr
        return Said(result.stdout, error, result.exit_code)

    async def ask(self, *arguments: str, typed: str = "") -> Any:
        """The JSON document of a command that succeeds."""
        said = await self.run(*arguments, "--json", typed=typed)
        assert said.exit_code == 0, said.error
        return said.document

    async def account(self, kind: str, name: str, plan: str = "conquer") -> str:
        """A new account with a key in the data folder; answers its id."""
        made = await self.ask("accounts", "create", "--kind", kind, "--name", name, "--plan", plan,
                               "--email", f"{uuid.uuid4().hex}@example.com")  # fmt: skip
        key = await self.ask("accounts", "keys", "create", "test", "--account", made["id"])
        entry = {"name": name, "kind": kind, "account_id": made["id"]}
        self.keep(name, {**entry, "client_id": key["id"], "client_secret": key["secret"]})
        return str(made["id"])

    async def token(self, email: str, number: int = 1) -> str:
        """The address, with the token, in the newest of at least so many mails to the e-mail."""

        async def arrived() -> str | None:
            letters = list(mail.read(self.running.folder / mail.FOLDER, email))
            words = letters[0].text.split() if len(letters) >= number else ()
            return next((word for word in words if "#" in word), None)

        return str(await until(f"{number} mails to {email}", arrived))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running(
    servers: Servers, template: MakeDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """One integration process for all tests of the command line."""
    folder, name = tmp_path_factory.mktemp("integration"), f"test_command_line_{uuid.uuid4().hex[:8]}"
    prefix = f"t{uuid.uuid4().hex[:10]}."
    original = await asyncio.to_thread(template, "integration")
    await databases.create(servers.database_url, name, original)
    await create_topics(servers.bootstrap_servers, prefix, most_partitions=3)
    port = free_port()
    smtp = free_port(taken=frozenset({port}))
    box = Mailbox(folder / mail.FOLDER, smtp_port=smtp, page_port=free_port(taken=frozenset({port, smtp})))
    await box.start()
    settings = {
        "DATABASE_URL": databases.on_server(servers.database_url, name),
        "KAFKA_BOOTSTRAP_SERVERS": servers.bootstrap_servers,
        "ORDERDOCK_HOST": LOOPBACK,
        "ORDERDOCK_PORT": str(port),
        "ORDERDOCK_TOPIC_PREFIX": prefix,
        "ORDERDOCK_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ORDERDOCK_SMTP_URL": box.smtp_url,
        "ORDERDOCK_MAIL_FROM": "Orderdock <orderdock@orderdock.example>",
        "ORDERDOCK_CONSOLE_URL": "https://console.orderdock.example",
        "ORDERDOCK_FINDS_PER_HOUR": "10000",
        "ORDERDOCK_MAILS_PER_HOUR": "3",
    }
    service = Service(
        "integration", port, {**os.environ, **settings}, pid_file=folder / "pid", log=folder / "log"
    )
    service.launch()
    await asyncio.to_thread(service.wait_ready)
    key = await operators.create(ServiceSettings.model_validate(settings), "operator@example.com")
    whose = {"name": "operator@example.com", "kind": "operator", "account_id": key.account_id}
    yield Running(port, folder, {**whose, "client_id": key.id, "client_secret": key.secret})
    await asyncio.to_thread(service.stop)
    await box.stop()
    await databases.drop(servers.database_url, name)


@pytest_asyncio.fixture(loop_scope="session")
async def desk(running: Running, tmp_path: Path) -> Desk:
    """A data folder with an operator's key alone."""
    return Desk(running, tmp_path)


@pytest_asyncio.fixture(loop_scope="session")
async def pair(desk: Desk) -> Desk:
    """A data folder with the keys of a shop and a 3PL too."""
    await desk.account("shop", "Teapot & Co")
    await desk.account("threepl", "North Fulfilment")
    return desk


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def router(
    servers: Servers, template: MakeDatabase, running: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Router]:
    """One order-router process for the tests of a file."""
    async with routing(servers, template, running, tmp_path_factory.mktemp("router")) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def stock(pair: Desk, router: Router) -> Stock:
    """The shop's orders go to the 3PL."""
    return await stocked(pair, router)

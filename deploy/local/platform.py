"""The embedded platform: PostgreSQL, Kafka, a mailbox and the services, kept running together."""

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import asyncpg
from aiokafka.errors import KafkaError

from deploy.local import databases, jars, mail, memory
from deploy.local.child import end_leftover
from deploy.local.errors import PlatformError
from deploy.local.folder_lock import folder_lock
from deploy.local.kafka import Kafka
from deploy.local.mailbox import Mailbox
from deploy.local.ports import LOOPBACK, free_port
from deploy.local.postgres import Postgres
from deploy.local.service_process import SERVICES, Service
from deploy.local.supervisor import Part, Supervisor
from shared.kafka.topics import create_topics

BACKING = ("postgres", "kafka")
MAILBOX = ("smtp", "mail")  # its two ports
MAIL_FROM = "Orderdock <orderdock@orderdock.example>"
ENCRYPTING = ("integration", "webhook-dispatcher")


class Platform:
    """All of Orderdock in one folder; its parts go by name: `SERVICES`, and its own `postgres` and `kafka`.

    `environment` adds settings to single services, by service name. Where `KAFKA_BOOTSTRAP_SERVERS`,
    `DATABASE_URL` or `ORDERDOCK_SMTP_URL` is set, that server is used and none is started. `say` is told each
    step in a sentence.
    """

    def __init__(
        self,
        folder: Path,
        *,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        say: jars.Say = print,
        fsync: bool = True,
    ) -> None:
        self.folder = folder.absolute()
        self.services: dict[str, Service] = {}
        self.mailbox: Mailbox | None = None
        self._environment = environment or {}
        self._say = say
        self._held = ExitStack()
        self._own_backing: tuple[str, ...] = ()
        self._supervisor = Supervisor(say)
        self.given_kafka = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        self.given_postgres = os.environ.get("DATABASE_URL")
        self.given_smtp = os.environ.get("ORDERDOCK_SMTP_URL")
        port = memory.read_ports(self.folder).get("kafka")
        self.kafka = Kafka(self.folder / "kafka", port=port, log=self.log("kafka"), say=say)
        self.postgres = Postgres(self.folder / "postgres", log=self.log("postgres"), fsync=fsync)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's `host:port[,…]`."""
        return self.given_kafka or self.kafka.bootstrap_servers

    def database_url(self, service: str) -> str:
        """The URL of a service's database."""
        server = self.given_postgres or self.postgres.url("postgres")
        return databases.on_server(server, database(service))

    def url(self, service: str) -> str:
        """The base URL of a service."""
        return self.services[service].url

    def environment(self, service: str) -> dict[str, str]:
        """The whole environment of a service's process, for commands that work beside it."""
        return dict(self.services[service].environment)

    def pid(self, name: str) -> int | None:
        """The process id of a part; None while it isn't running."""
        return self._supervisor.parts[name].pid

    def log(self, name: str) -> Path:
        """The log file of a part."""
        return self.folder / "logs" / f"{name}.log"

    async def start(self) -> None:
        """Start everything and wait until it is ready. Raises `PlatformError`, with nothing left running."""
        try:
            memory.must_be_a_platforms(self.folder)
            self._held.enter_context(folder_lock(self.folder))
            memory.write_ports(self.folder, memory.read_ports(self.folder))
            # Orders are people's data: what is not PostgreSQL's, which sees to itself, is its owner's only.
            for private in ("kafka", "logs"):
                (self.folder / private).mkdir(mode=0o700, exist_ok=True)
            await asyncio.to_thread(end_leftovers, self.folder)
            await self._start_backing()
            await self._make_databases_and_topics()
            ports = self._choose_ports()
            if not self.given_smtp:
                await self._start_mailbox(ports)
            self._make_services(ports)
            await self._migrate()
            await self._start_services()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything, the services before what they stand on, and let the folder go. The data stay."""
        await self._supervisor.stop(SERVICES)
        if self.mailbox:
            await self.mailbox.stop()
        await self._supervisor.stop(BACKING)
        self._held.close()

    async def wait_ready(self, timeout: float = 90.0) -> None:
        """Wait until every part that isn't paused is ready, those too that are just being started again.

        Raises `PlatformError` after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        for part in filter(self._supervisor.keeps, self._own_backing):
            await asyncio.to_thread(self._supervisor.parts[part].wait_ready)
        for name in filter(self._supervisor.keeps, self.services):
            while (reason := await asyncio.to_thread(self.services[name].why_unready)) is not None:
                if time.monotonic() > deadline:
                    raise PlatformError(f"{name} isn't ready after {timeout:.0f} s: {reason}")
                await asyncio.sleep(0.1)

    async def pause(self, name: str) -> None:
        """Stop a part on purpose; it isn't started again before `resume`."""
        await self._supervisor.stop([name])

    async def resume(self, name: str) -> None:
        """Start a paused part and wait until it is ready."""
        await self._supervisor.start(name, self._supervisor.parts[name])

    async def _start_backing(self) -> None:
        own: dict[str, Part] = {}
        if not self.given_postgres:
            self._say(f"Starting PostgreSQL {self.postgres.version} …")
            own["postgres"] = self.postgres
        if not self.given_kafka:
            # Here too, and not only in `Kafka.prepare`, since a wait in a thread can't be interrupted.
            await jars.class_path(self._say)
            self._say(f"Starting Apache Kafka {self.kafka.version} …")
            own["kafka"] = self.kafka
        self._own_backing = tuple(own)
        await self._supervisor.start_all(own)

    async def _make_databases_and_topics(self) -> None:
        self._say("Making databases and topics …")
        server = self.given_postgres or self.postgres.url("postgres")
        try:
            for service in SERVICES:
                await databases.create(server, database(service))
            await create_topics(self.bootstrap_servers, os.environ.get("ORDERDOCK_TOPIC_PREFIX", ""))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise PlatformError(f"PostgreSQL can't be used ({error}). Look at DATABASE_URL.") from error
        except KafkaError as error:
            raise PlatformError(f"Kafka can't be used ({error}). Look at KAFKA_BOOTSTRAP_SERVERS.") from error

    async def _start_mailbox(self, ports: Mapping[str, int]) -> None:
        self.mailbox = Mailbox(self.folder / mail.FOLDER, smtp_port=ports["smtp"], page_port=ports["mail"])
        await self.mailbox.start()

    def _make_services(self, ports: Mapping[str, int]) -> None:
        for name in SERVICES:
            pid_file = self.folder / "services" / f"{name}.pid"
            service = Service(
                name,
                ports[name],
                self._service_environment(name, ports),
                pid_file=pid_file,
                log=self.log(name),
            )
            self.services[name] = self._supervisor.parts[name] = service

    def _choose_ports(self) -> dict[str, int]:
        """The ports of the last run where they are free, else others."""
        last = memory.read_ports(self.folder)
        ports = {} if self.given_kafka else {"kafka": self.kafka.port}
        for name in (*SERVICES, *(() if self.given_smtp else MAILBOX)):
            ports[name] = free_port(last.get(name), taken=frozenset(ports.values()))
        memory.write_ports(self.folder, ports)
        return ports

    def _service_environment(self, name: str, ports: Mapping[str, int]) -> dict[str, str]:
        integration_url = f"http://{LOOPBACK}:{ports['integration']}"
        settings = {
            "DATABASE_URL": self.database_url(name),
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "PYTHONUNBUFFERED": "1",
            "ORDERDOCK_HOST": LOOPBACK,
            "ORDERDOCK_PORT": str(ports[name]),
            "ORDERDOCK_INTEGRATION_URL": integration_url,
        }
        if name in ENCRYPTING:
            settings["ORDERDOCK_ENCRYPTION_KEYS"] = memory.encryption_keys(self.folder)
        if name == "integration":
            settings |= self._mail_settings(integration_url)
        return {**os.environ, **settings, **self._environment.get(name, {})}

    def _mail_settings(self, console_url: str) -> dict[str, str]:
        own = self.mailbox.smtp_url if self.mailbox else ""
        return {
            "ORDERDOCK_SMTP_URL": self.given_smtp or own,
            "ORDERDOCK_MAIL_FROM": os.environ.get("ORDERDOCK_MAIL_FROM", MAIL_FROM),
            "ORDERDOCK_CONSOLE_URL": os.environ.get("ORDERDOCK_CONSOLE_URL", console_url),
        }

    async def _migrate(self) -> None:
        self._say("Migrating the databases …")
        for service in self.services.values():
            service.launch("migrate")
        for service in self.services.values():
            await asyncio.to_thread(service.wait_ended)

    async def _start_services(self) -> None:
        self._say(f"Starting {', '.join(SERVICES)} …")
        await self._supervisor.start_all(self.services)


def database(service: str) -> str:
    """The name of a service's database."""
    return service.replace("-", "_")


def end_leftovers(folder: Path) -> None:
    """End what a killed platform of this folder left running."""
    for pid_file in sorted(folder.glob("*/*.pid"), reverse=True):  # "services" before "postgres" and "kafka"
        end_leftover(pid_file)

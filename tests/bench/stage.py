"""What a bench runs on: the embedded servers, and services on them as in production."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local import databases
from deploy.local.apart import run_apart
from deploy.local.jars import Say
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from deploy.local.service_process import Service
from shared.kafka.topics import create_topics


@dataclass(frozen=True)
class Servers:
    """The servers, running; databases, topics and services are made on them by name."""

    folder: Path
    postgres: Postgres
    kafka: Kafka

    @property
    def bootstrap_servers(self) -> str:
        return self.kafka.bootstrap_servers

    @property
    def server_url(self) -> str:
        """A database that no bench works on."""
        return self.postgres.url("postgres")

    def make_database(self, name: str) -> str:
        """Makes a database; answers its URL."""
        self.postgres.create_database(name)
        return databases.on_server(self.server_url, name)

    def make_topics(self, prefix: str) -> None:
        """Makes all topics under a prefix."""
        run_apart(lambda: create_topics(self.bootstrap_servers, prefix))

    def make_service(self, name: str, settings: Mapping[str, str], place: str = "") -> Service:
        """A service, not started, on topics and a migrated database of its own.

        `place` tells one service's several places apart.
        """
        database, prefix = place or name, f"{place}." if place else ""
        self.make_topics(prefix)
        port = free_port()
        own = {
            "DATABASE_URL": self.make_database(database),
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "ORDERDOCK_PORT": str(port),
            "ORDERDOCK_TOPIC_PREFIX": prefix,
        }
        pid_file, log = self.folder / f"{database}.pid", self.folder / f"{database}.log"
        service = Service(name, port, {**os.environ, **own, **settings}, pid_file=pid_file, log=log)
        service.launch("migrate")
        service.wait_ended()
        return service


def start(service: Service, stack: ExitStack) -> None:
    """Starts a service until the stack ends, in this thread, with which it would end (see `Child.launch`)."""
    service.launch()
    stack.callback(service.stop)
    service.wait_ready()


@contextmanager
def servers(say: Say) -> Iterator[Servers]:
    """Starts PostgreSQL and Kafka in a folder that goes with them."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderdock-bench-")))
        postgres = Postgres(folder / "postgres", fsync=False)
        kafka = Kafka(folder / "kafka", say=say)
        say(f"Starting PostgreSQL {postgres.version} and Apache Kafka {kafka.version} …")
        stack.callback(postgres.stop)
        postgres.start()
        stack.callback(kafka.stop)
        kafka.start()
        yield Servers(folder, postgres, kafka)

"""What a bench runs on: the embedded servers, the integration service as in production, the bare route."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from deploy.local import databases
from deploy.local.apart import run_apart
from deploy.local.child import Child
from deploy.local.errors import PlatformError
from deploy.local.jars import Say
from deploy.local.kafka import Kafka
from deploy.local.ports import LOOPBACK, answers, free_port
from deploy.local.postgres import Postgres
from deploy.local.service_process import Service
from shared.kafka.topics import create_topics

DATABASE = "integration"
PATIENCE = 30.0


@dataclass(frozen=True)
class Servers:
    """The servers, running, the database migrated; the service and the bare route are started on them."""

    folder: Path
    server_url: str
    database_url: str
    service: Service

    def start_bare(self, stack: ExitStack) -> str:
        """Starts the bare route until the stack ends; answers its URL."""
        port = free_port()
        child = Child("the bare route", self.folder / "bare.pid", self.folder / "bare.log")
        environment = {**os.environ, "DATABASE_URL": self.database_url, "PORT": str(port)}
        child.launch([sys.executable, "-m", "tests.bench.bare"], Path.cwd(), environment)
        stack.callback(child.stop)
        deadline = time.monotonic() + PATIENCE
        while not answers(port):
            child.must_be_alive()
            if time.monotonic() > deadline:
                raise PlatformError(f"The bare route doesn't listen. {child.last_words()}")
            time.sleep(0.1)
        return f"http://{LOOPBACK}:{port}"

    def start_service(self, stack: ExitStack) -> str:
        """Starts the integration service until the stack ends; answers its URL."""
        self.service.launch()
        stack.callback(self.service.stop)
        self.service.wait_ready()
        return self.service.url


@contextmanager
def servers(say: Say) -> Iterator[Servers]:
    """Starts PostgreSQL and Kafka in a folder that goes with them, and migrates the database.

    All is launched in this thread, with which it would end (see `Child.launch`).
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderdock-bench-")))
        postgres = Postgres(folder / "postgres", fsync=False)
        kafka = Kafka(folder / "kafka", say=say)
        say(f"Starting PostgreSQL {postgres.version} and Apache Kafka {kafka.version} …")
        stack.callback(postgres.stop)
        postgres.start()
        stack.callback(kafka.stop)
        kafka.start()
        run_apart(lambda: create_topics(kafka.bootstrap_servers))
        postgres.create_database(DATABASE)
        url = databases.on_server(postgres.url("postgres"), DATABASE)
        service = _service(folder, url, kafka.bootstrap_servers)
        service.launch("migrate")
        service.wait_ended()
        yield Servers(folder, postgres.url("postgres"), url, service)


def _service(folder: Path, database_url: str, bootstrap_servers: str) -> Service:
    port = free_port()
    settings: Mapping[str, str] = {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
        "ORDERDOCK_PORT": str(port),
        "ORDERDOCK_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ORDERDOCK_SMTP_URL": "smtp://127.0.0.1:9",  # nobody takes mail there, and none is sent
        "ORDERDOCK_MAIL_FROM": "orderdock@orderdock.example",
        "ORDERDOCK_CONSOLE_URL": "http://127.0.0.1:9",
    }
    environment = {**os.environ, **settings}
    return Service(
        "integration",
        port,
        environment,
        pid_file=folder / "integration.pid",
        log=folder / "integration.log",
    )

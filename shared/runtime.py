"""One service, whole: what starts, stops and drains it, whether it is well, and its command."""

import argparse
import asyncio
import contextlib
import gc
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import structlog
import uvicorn
from aiokafka.admin import AIOKafkaAdminClient
from fastapi import FastAPI
from faststream.kafka import KafkaBroker

from shared import outbox
from shared.database import Database, migrate
from shared.errors import SettingsWrong
from shared.kafka.consumer import BatchConsumer
from shared.kafka.relay import Relay
from shared.loops import Loop, backoff
from shared.settings import ServiceSettings, load
from shared.telemetry import Metrics, configure_logging

log = structlog.get_logger()

S = TypeVar("S", bound=ServiceSettings)
Step = Callable[[], Awaitable[None]]

HANGING_AFTER = 120.0


@dataclass
class Service:
    """The parts of a running service, and their one life.

    `before_start` run once database and topics are there and may raise `SettingsWrong`;
    `doubts` name what keeps it from being ready; `on_stop` run last.
    """

    name: str
    settings: ServiceSettings
    database: Database
    metrics: Metrics
    relay: Relay
    migrations: Path
    broker: KafkaBroker | None = None
    topics: Sequence[str] = ()
    consumers: Sequence[BatchConsumer] = ()
    loops: Sequence[Loop] = ()
    before_start: Sequence[Step] = ()
    doubts: Sequence[Callable[[], list[str]]] = ()
    on_stop: Sequence[Step] = ()
    started: bool = False
    refusal: SettingsWrong | None = None
    _monitor: Loop = field(init=False)
    _lag: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._monitor = Loop("monitor", self._observe, self.metrics, idle=5)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Starts everything, and after the block drains and stops it.

        Raises what kept it from starting for `start_timeout` seconds, so that no half-started
        service stays.
        """
        try:
            async with asyncio.timeout(self.settings.start_timeout):
                await self._start()
            yield
        except SettingsWrong as refusal:
            self.refusal = refusal
            raise
        finally:
            await self._stop()

    def hanging(self) -> list[str]:
        """What has stopped moving, so that only a new process helps."""
        loops = [f"{loop.name} hangs" for loop in self._all_loops() if loop.silence > HANGING_AFTER]
        return loops + [
            f"{consumer.subscription.group} reads nothing although records wait"
            for consumer in self.consumers
            if self._lag.get(consumer.subscription.group)
            and time.monotonic() - consumer.last_progress > HANGING_AFTER
            and not consumer.beyond_end
        ]

    async def not_ready(self) -> list[str]:
        """Why no work should be sent here now; empty when all is well."""
        if not self.started:
            return ["starting"]
        reasons = [reason for consumer in self.consumers for reason in consumer.beyond_end.values()]
        reasons += [
            f"{each.subscription.group} has not found its place" for each in self.consumers if each.seeking
        ]
        reasons += self.doubted()
        try:
            await self.database.check()
        except Exception as error:
            log.warning("service.not-ready", exc_info=error)
            reasons.append("the database does not answer")
        return reasons

    def doubted(self) -> list[str]:
        """What holds work back of which the service's own parts know."""
        return [reason for doubt in self.doubts for reason in doubt()]

    async def _start(self) -> None:
        await self._until(self.database.check, "database")
        await self._until(lambda: self.database.check_tables(self.migrations), "tables")
        await self._until(self._check_topics, "kafka")
        for step in self.before_start:
            await step()
        # Joining a group can take as long as a killed member counts as alive; what waits is sent meanwhile.
        for loop in self._all_loops():
            loop.start()
        if self.broker is not None:
            await self.broker.start()
        self.started = True
        log.info("service.started")

    async def _stop(self) -> None:
        """Takes no more work, ends what is at hand, and lets go."""
        self.started = False
        # Loops ask the broker's client, which answers nobody once it is closed.
        await self._monitor.stop(timeout=1)
        for loop in self.loops:
            await loop.stop(self.settings.drain_timeout)
        for consumer in self.consumers:
            consumer.closing = True
        if self.broker is not None:
            await self.broker.stop()
        await self.relay.stop()
        for step in self.on_stop:
            await step()
        await self.database.close()
        log.info("service.stopped")

    def _all_loops(self) -> list[Loop]:
        return [*self.loops, self.relay.loop, self._monitor]

    async def _until(self, check: Step, what: str) -> None:
        failures = 0
        while True:
            try:
                return await check()
            except Exception as error:
                failures += 1
                log.warning("service.waiting", for_=what, error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(backoff(failures))

    async def _check_topics(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka_bootstrap_servers)
        try:
            await admin.start()
            missing = set(self.topics) - set(await admin.list_topics())
        finally:
            await admin.close()
        if missing:
            raise LookupError(f"these topics don't exist yet, make them first: {', '.join(sorted(missing))}")

    async def _observe(self) -> bool:
        async with self.database.transaction() as connection:
            waiting, parked = await outbox.count(connection)
        self.metrics.waiting.set(waiting)
        self.metrics.parked.set(parked)
        self.metrics.lag.clear()
        for consumer in self.consumers:
            lag = await consumer.lag()
            self._lag[consumer.subscription.group] = sum(lag.values())
            for (topic, partition), behind in lag.items():
                self.metrics.lag.labels(topic, str(partition)).set(behind)
        return False


def command(name: str, settings: type[S], build: Callable[[S], FastAPI], migrations: Path) -> None:
    """The service's command line: `serve` runs it, `migrate` brings its database up to date.

    Exits 2 and says which setting is missing or wrong, or why the service refuses to start.
    """
    parser = argparse.ArgumentParser(prog=f"orderdock-{name}")
    parser.add_argument("act", choices=["serve", "migrate"], nargs="?", default="serve")
    act = parser.parse_args().act
    try:
        chosen = load(settings)
        configure_logging(name, chosen.log_level)
        if act == "migrate":
            migrate(chosen.database_url, migrations)
        else:
            _serve(build(chosen), chosen)
    except SettingsWrong as error:
        sys.exit(_complain(f"orderdock-{name}: {error}"))


def _complain(text: str) -> int:
    sys.stderr.write(text + "\n")
    return 2


class _Server(uvicorn.Server):
    """A server that spares the garbage collector what stays for as long as the process runs."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        # A batch of records makes some 50,000 objects that all live until it is committed. With Python's 700
        # they are walked dozens of times meanwhile, for nothing: a fifth of what an order costs.
        gc.set_threshold(50_000, 20, 50)


def _serve(api: FastAPI, settings: ServiceSettings) -> None:
    config = uvicorn.Config(
        api,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=int(settings.drain_timeout),
    )
    server = _Server(config)
    with contextlib.suppress(SystemExit):  # how uvicorn ends when the lifespan didn't start
        server.run()
    if api.state.service.refusal is not None:
        raise api.state.service.refusal
    if not server.started:
        sys.exit(1)

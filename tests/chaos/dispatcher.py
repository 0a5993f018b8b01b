"""A dispatcher as a process of its own, which is killed and started again."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.component.webhook_dispatcher.conftest import KEY
from tests.harness import NOBODY
from tests.servers import Servers


@dataclass
class Dispatcher:
    """Runs under one name, so that its successor has its partitions at once."""

    servers: Servers
    prefix: str
    database_url: str
    log: Path
    started_at: list[float] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        environment = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": self.servers.bootstrap_servers,
            "ORDERDOCK_TOPIC_PREFIX": self.prefix,
            "ORDERDOCK_INSTANCE": "dispatcher-1",
            "ORDERDOCK_PORT": "0",
            "ORDERDOCK_INTEGRATION_URL": NOBODY,
            "ORDERDOCK_ENCRYPTION_KEYS": KEY,
            "ORDERDOCK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "ORDERDOCK_ALLOW_HTTP": "true",
        }
        command = Path(sys.executable).with_name("orderdock-webhook-dispatcher")
        self.started_at.append(time.monotonic())
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                command, "serve", env=environment, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Ends it in good order."""
        await self._end(signal.SIGTERM)

    async def _end(self, by: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(by)
        await self._process.wait()

"""Routers as processes of their own, all of one database and in one group."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.ports import free_port
from deploy.local.service_process import Service
from tests.component.order_router.router import Router
from tests.harness import NOBODY


@asynccontextmanager
async def processes(router: Router, folder: Path, count: int) -> AsyncIterator[list[Service]]:
    """So many processes with the database and the topics of `router`, ready; they end with the block."""
    ports: list[int] = []
    for _ in range(count):
        ports.append(free_port(taken=frozenset(ports)))
    services = [_process(router, folder / f"router-{number}", port) for number, port in enumerate(ports)]
    try:
        for service in services:
            service.launch()
        for service in services:
            await asyncio.to_thread(service.wait_ready)
        yield services
    finally:
        for service in services:
            await asyncio.to_thread(service.stop)


def _process(router: Router, folder: Path, port: int) -> Service:
    environment = {
        **os.environ,
        "DATABASE_URL": router.database_url,
        "KAFKA_BOOTSTRAP_SERVERS": router.servers.bootstrap_servers,
        "ORDERDOCK_TOPIC_PREFIX": router.prefix,
        "ORDERDOCK_INTEGRATION_URL": NOBODY,
        "ORDERDOCK_PORT": str(port),
    }
    return Service("order-router", port, environment, pid_file=folder / "pid", log=folder / "log")

"""The integration service on a port of its own, in a thread beside the test that calls it."""

import asyncio
import signal
import socket
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI

from deploy.local.ports import LOOPBACK
from tests.harness import PATIENCE

T = TypeVar("T")


@dataclass(frozen=True)
class Served:
    """A running service: where it listens, and the loop that it runs in."""

    url: str
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of work in the service's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)


@contextmanager
def served(app: FastAPI) -> Iterator[Served]:
    """The service of this app, started, as uvicorn serves it."""
    loop: Future[asyncio.AbstractEventLoop] = Future()
    # Of a socket that names no protocol asyncio takes no TCP_NODELAY, and every answer comes 40 ms late.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with closing(listening), ThreadPoolExecutor(1) as pool:
        listening.bind((LOOPBACK, 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        ended = pool.submit(lambda: asyncio.run(_serve(server, listening, loop)))
        try:
            while not server.started and not ended.done():
                time.sleep(0.05)
            assert server.started, ended.exception()
            yield Served(f"http://{LOOPBACK}:{listening.getsockname()[1]}", loop.result())
        finally:
            server.handle_exit(signal.SIGINT, None)
            ended.exception(PATIENCE)


async def _serve(
    server: uvicorn.Server, listening: socket.socket, loop: Future[asyncio.AbstractEventLoop]
) -> None:
    loop.set_result(asyncio.get_running_loop())
    await server.serve([listening])

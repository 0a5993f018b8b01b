"""A process beside the bench that works for it: a job a line on its stdin, an answer a line on its stdout."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from tests.bench.errors import BenchError


class Worker:
    """The process, seen from the bench."""

    def __init__(self, module: str, process: asyncio.subprocess.Process) -> None:
        self._module = module
        self._process = process

    async def do(self, job: Any) -> Any:
        """What the worker answers to a job; both are what JSON can hold."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise BenchError(f"{self._module} failed; what it said stands above.")
        return json.loads(line)


@asynccontextmanager
async def worker(module: str) -> AsyncIterator[Worker]:
    """Starts the process, `python -m` this module, and ends it after the block."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", module)
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=2**20)
    try:
        yield Worker(module, process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def answer(do: Callable[[Any], Coroutine[Any, Any, Any]]) -> None:
    """The worker's side: does each job on a uvloop of its own, until there are no more."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(uvloop.run(do(json.loads(line)))) + "\n")
        sys.stdout.flush()

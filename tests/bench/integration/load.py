"""Load over HTTP, from a process of its own: see worker.py.

Its client knows no more of HTTP than our own servers say, so that it takes little of the machine's time.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from tests.bench.errors import BenchError
from tests.bench.worker import Worker, answer, worker

Turn = tuple[int, bytes]


@dataclass(frozen=True)
class Request:
    """One request without a body."""

    path: str
    token: str = ""
    method: str = "GET"


@dataclass(frozen=True)
class Job:
    """Requests to one server over kept connections: each once, then in turns until `seconds` are over."""

    url: str
    requests: Sequence[Request]
    connections: int = 20
    seconds: float | None = None


@dataclass(frozen=True)
class Answered:
    """How many requests were answered with 200, in how many seconds; and the median time of each request."""

    count: int
    seconds: float
    medians: Sequence[float]


class Load:
    """The process, seen from the bench."""

    def __init__(self, process: Worker) -> None:
        self._process = process

    async def do(self, job: Job) -> Answered:
        return Answered(**await self._process.do(asdict(job)))


@asynccontextmanager
async def load() -> AsyncIterator[Load]:
    """Starts the process and ends it after the block."""
    async with worker("tests.bench.integration.load") as started:
        yield Load(started)


async def _answer(given: Any) -> dict[str, Any]:
    given["requests"] = [Request(**each) for each in given["requests"]]
    return asdict(await _do(Job(**given)))


async def _do(job: Job) -> Answered:
    host = urlsplit(job.url).netloc
    requests = [(place, _bytes(each, host)) for place, each in enumerate(job.requests)]
    times: list[list[float]] = [[] for _ in requests]
    began = time.perf_counter()
    turns = itertools.chain(requests, () if job.seconds is None else _until(began + job.seconds, requests))
    await asyncio.gather(*(_connection(job, turns, times) for _ in range(job.connections)))
    seconds = time.perf_counter() - began
    return Answered(sum(map(len, times)), seconds, [median(each) for each in times])


def _until(deadline: float, turns: Sequence[Turn]) -> Iterator[Turn]:
    return itertools.takewhile(lambda _: time.perf_counter() < deadline, itertools.cycle(turns))


def _bytes(request: Request, host: str) -> bytes:
    lines = [f"{request.method} {request.path} HTTP/1.1", f"Host: {host}", "Content-Length: 0"]
    if request.token:
        lines.append(f"Authorization: Bearer {request.token}")
    return "\r\n".join([*lines, "", ""]).encode()


async def _connection(job: Job, turns: Iterator[Turn], times: Sequence[list[float]]) -> None:
    """Takes the turns that no other connection took, and notes the time of each."""
    at = urlsplit(job.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    for place, request in turns:
        began = time.perf_counter()
        writer.write(request)
        await _read_answer(reader, request)
        times[place].append(time.perf_counter() - began)
    writer.close()


async def _read_answer(reader: asyncio.StreamReader, request: bytes) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    _, _, after = head.partition(b"content-length: ")
    body = await reader.readexactly(int(after.partition(b"\r\n")[0]))
    if not head.startswith(b"HTTP/1.1 200 "):
        asked, said = request.partition(b"\r\n")[0], head.partition(b"\r\n")[0]
        raise BenchError(f"{asked!r} was answered {said!r}: {body[:500]!r}")


if __name__ == "__main__":
    answer(_answer)

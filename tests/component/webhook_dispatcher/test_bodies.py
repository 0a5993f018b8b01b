"""Answers without an end, on production's loop: each ends the attempt in time and in memory.

An endpoint speaks from a thread of its own, so that it goes on while the dispatcher is at work.
"""

import asyncio
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network

import httpx
import pytest
import uvloop

from webhook_dispatcher import signing
from webhook_dispatcher.answers import Answer
from webhook_dispatcher.exchange import KEPT_BYTES, exchange, webhook_request
from webhook_dispatcher.transport import guarded_transport

LOOPBACK = (ip_network("127.0.0.0/8"),)
SECRET = signing.secret(b"k" * 24)
# Deadlines: a flood is over long before the first, a drip at the second.
LONG, SHORT = 5.0, 0.3
# In deadlines: as early as a clock of milliseconds may strike, and as late as a busy machine may notice.
NEARLY, LATE = 0.95, 4
MOST_MEMORY = 4 * 1024 * 1024

Speak = Callable[[socket.socket], None]


@dataclass
class Endpoint:
    """Speaks on each connection, then listens until the other side is gone, which sets `left`."""

    speak: Speak
    port: int = 0
    left: threading.Event = field(default_factory=threading.Event)

    def serve(self, bound: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = bound.accept()
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            self.speak(connection)
            while connection.recv(65536):
                pass
        self.left.set()


@contextmanager
def speaking(speak: Speak) -> Iterator[Endpoint]:
    endpoint = Endpoint(speak)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        endpoint.port = bound.getsockname()[1]
        threading.Thread(target=endpoint.serve, args=(bound,), daemon=True).start()
        yield endpoint
        bound.shutdown(socket.SHUT_RDWR)


def hear(connection: socket.socket) -> None:
    """Returns once a request has come."""
    request = b""
    while not request.endswith(b"\r\n\r\n{}"):
        request += connection.recv(65536)


def flood(first: bytes, endless: bytes) -> Speak:
    """Says the first, then the other for ever, as fast as it goes."""
    endless *= 65536 // len(endless)

    def speak(connection: socket.socket) -> None:
        hear(connection)
        connection.sendall(first)
        while True:
            connection.sendall(endless)

    return speak


@dataclass(frozen=True)
class Attempt:
    """An answer, what it took and how long the loop stood still at most (in deadlines), and peak bytes."""

    answer: Answer
    took: float
    stood_still: float
    peak: int


def request_to(endpoint: Endpoint, body: bytes = b"{}", scheme: str = "http") -> httpx.Request:
    url = f"{scheme}://127.0.0.1:{endpoint.port}/"
    return webhook_request(url, "msg_1", body, SECRET, datetime.now(UTC))


async def attempt(endpoint: Endpoint, deadline: float, body: bytes = b"{}", scheme: str = "http") -> Attempt:
    """One webhook, and the endpoint left."""
    transport = guarded_transport(LOOPBACK)
    request = request_to(endpoint, body, scheme)
    pauses: list[float] = []
    ticking = asyncio.create_task(tick(pauses))
    tracemalloc.start()
    start = time.monotonic()
    try:
        answer = await exchange(transport, request, deadline)
        took = time.monotonic() - start
        assert await asyncio.to_thread(endpoint.left.wait, LONG * LATE), "the connection was left open"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        ticking.cancel()
        await transport.aclose()
    return Attempt(answer, took / deadline, max(pauses) / deadline, peak)


async def tick(pauses: list[float]) -> None:
    """Notes how late the loop comes back, again and again."""
    while True:
        start = time.monotonic()
        await asyncio.sleep(0)
        pauses.append(time.monotonic() - start)
        await asyncio.sleep(0.001)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FLOODS: dict[str, tuple[bytes, bytes, int | None, str | None]] = {
    "headers": (OK, b"x-more: " + b"x" * 4000 + b"\r\n", None, "longer than 512 KiB"),
    "small headers": (OK, b"a: b\r\n", None, "Too many headers"),
    "one header": (OK + b"x-more: ", b"x", None, "more than 8190 bytes"),
    "one header's name": (OK, b"x", None, "more than 8190 bytes"),
    "one header's blanks": (OK + b"x-more:", b" ", None, "longer than 512 KiB"),
    "one folded header": (OK + b"x-more: x", b"\r\n x", None, "more than 8190 bytes"),
    "status line": (b"HTTP/1.1 200 ", b"x", None, "more than 8190 bytes"),
    "blank lines": (b"", b"\r\n", None, "longer than 512 KiB"),
    "no HTTP": (b"", b"x", None, "Bad status line"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", None, "more than 16 interim answers"),
    "hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", None, "more than 16 interim answers"),
    "body to the end": (OK + b"\r\n", b"x", 200, None),
    "body of a petabyte": (OK + b"Content-Length: 1000000000000000\r\n\r\n", b"x", 200, None),
    "large chunks": (CHUNKED, b"fff\r\n" + b"x" * 4095 + b"\r\n", 200, None),
    "chunks of a byte": (CHUNKED, b"1\r\nx\r\n", 200, None),
    "chunk of 8 EiB": (CHUNKED + b"7fffffffffffffff\r\n", b"x", 200, None),
    "chunk's length": (CHUNKED, b"0", 200, "longer than 512 KiB"),
    "chunk's extension": (CHUNKED + b"1;", b"x", 200, "longer than 512 KiB"),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n", 200, "Too many headers"),
    "another protocol": (b"HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", b"x", 101, None),
    "more answers": (b"", OK + b"Content-Length: 0\r\n\r\n", 200, None),
    "bytes after the answer": (OK + b"Content-Length: 2\r\n\r\nok", b"x", 200, None),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_ends_the_attempt_at_once_and_in_little_memory(kind: str) -> None:
    first, endless, status, error = FLOODS[kind]
    with speaking(flood(first, endless)) as endpoint:
        made = uvloop.run(attempt(endpoint, LONG))
    assert made.answer.status == status
    assert (error or "") in (made.answer.error or "")
    assert (made.answer.error is None) == (error is None)
    assert len(made.answer.body) <= KEPT_BYTES
    assert made.took < 0.5
    assert made.stood_still < 0.2
    assert made.peak < MOST_MEMORY

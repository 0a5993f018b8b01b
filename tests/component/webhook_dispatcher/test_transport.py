"""The guarded session against real sockets: where it connects, and what a hostile answer can't do to it."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from webhook_dispatcher import signing
from webhook_dispatcher.answers import Answer
from webhook_dispatcher.exchange import KEPT_BYTES, exchange, webhook_request
from webhook_dispatcher.transport import guarded_transport

LOOPBACK = (ip_network("127.0.0.0/8"),)
SECRET = signing.secret(b"k" * 24)
DEADLINE = 1.0

Speak = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(speak: Speak) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that says what `speak` writes to whoever sends a request; its port, and what it heard."""
    heard: list[bytes] = []

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heard.append(await reader.readuntil(b"\r\n\r\n{}"))
            await speak(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], heard
    server.close()


async def post(url: str, networks: tuple[object, ...] = LOOPBACK) -> Answer:
    transport = guarded_transport(networks)  # type: ignore[arg-type]
    try:
        request = webhook_request(url, "msg_1", b"{}", SECRET, datetime.now(UTC))
        return await exchange(transport, request, DEADLINE)
    finally:
        await transport.aclose()


def saying(text: bytes) -> Speak:
    async def speak(writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()

    return speak


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
async def test_nothing_connects_to_an_address_that_is_not_allowed(host: str) -> None:
    async with serving(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as (port, heard):
        answer = await post(f"http://{host}:{port}/", networks=())
    assert answer.status is None
    assert answer.error is not None
    assert heard == []


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    async with serving(saying(b"HTTP/1.1 307 Go\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")) as (
        port,
        heard,
    ):
        answer = await post(f"http://127.0.0.1:{port}/")
    assert (answer.status, len(heard)) == (307, 1)


async def test_a_packed_body_stays_packed() -> None:
    packed = gzip.compress(b"x" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    async with serving(saying(head + packed)) as (port, _):
        answer = await post(f"http://127.0.0.1:{port}/")
    assert (answer.status, answer.body) == (200, packed[:KEPT_BYTES])


async def test_a_flood_is_read_no_further_than_it_is_kept() -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with serving(flood) as (port, _):
        answer = await post(f"http://127.0.0.1:{port}/")
    assert (answer.status, len(answer.body), answer.error) == (200, KEPT_BYTES, None)


async def test_endless_headers_end_the_attempt() -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x-more: " + b"x" * 4000 + b"\r\n")
            await writer.drain()

    async with serving(flood) as (port, _):
        answer = await post(f"http://127.0.0.1:{port}/")
    assert answer.status is None
    assert answer.error is not None


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nles", 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nbroken", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nless", 200),
        (b"no HTTP at all\r\n\r\n", None),
        (b"", None),
    ],
)
async def test_a_broken_answer_is_an_error_and_a_status_that_came_counts(
    said: bytes, status: int | None
) -> None:
    async with serving(saying(said)) as (port, _):
        answer = await post(f"http://127.0.0.1:{port}/")
    assert answer.status == status
    assert answer.error is not None


async def test_cookies_are_not_kept() -> None:
    said = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    transport = guarded_transport(LOOPBACK)
    async with serving(saying(said)) as (port, heard):
        for _ in range(2):
            request = webhook_request(f"http://127.0.0.1:{port}/", "msg_1", b"{}", SECRET, datetime.now(UTC))
            assert (await exchange(transport, request, DEADLINE)).status == 200
    await transport.aclose()
    assert all(b"ookie" not in each for each in heard)

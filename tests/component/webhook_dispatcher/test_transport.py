"""The guarded session against real sockets: what it follows, keeps and takes from its environment."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from shared.egress import Network
from webhook_dispatcher import signing
from webhook_dispatcher.answers import Answer
from webhook_dispatcher.exchange import exchange, webhook_request
from webhook_dispatcher.transport import guarded_transport

INSIDE, OUTSIDE = "127.0.0.1", "127.1.0.1"
LOOPBACK = (ip_network("127.0.0.0/8"),)
OUTSIDE_ONLY = (ip_network("127.1.0.0/16"),)
SECRET = signing.secret(b"k" * 24)
DEADLINE = 5.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def serving(said: bytes, address: str = INSIDE) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that says the same to each request; its port, and what it heard, each connection in one."""
    heard: list[bytes] = []

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(b"")
        at = len(heard) - 1
        try:
            while True:
                heard[at] += await reader.readuntil(b"\r\n\r\n{}")
                writer.write(said)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(on_connection, address, 0)
    yield server.sockets[0].getsockname()[1], heard
    server.close()


async def post(*urls: str, allowed: Sequence[Network] = LOOPBACK) -> list[Answer]:
    """The answers to one webhook after the other, through one transport."""
    transport = guarded_transport(allowed)
    requests = (webhook_request(url, "msg_1", b"{}", SECRET, datetime.now(UTC)) for url in urls)
    answers = [await exchange(transport, request, DEADLINE) for request in requests]
    await transport.aclose()
    return answers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_like_any_other(status: int) -> None:
    async with serving(OK) as (port_inside, heard_inside):
        said = (
            f"HTTP/1.1 {status} Go\r\nLocation: http://{INSIDE}:{port_inside}/\r\n"
            f"Refresh: 0; url=http://{INSIDE}:{port_inside}/\r\nContent-Length: 0\r\n\r\n"
        )
        async with serving(said.encode(), OUTSIDE) as (port, heard):
            inside_refused = await post(f"http://{OUTSIDE}:{port}/", allowed=OUTSIDE_ONLY)
            inside_allowed = await post(f"http://{OUTSIDE}:{port}/", allowed=LOOPBACK)
    assert [each.status for each in inside_refused + inside_allowed] == [status, status]
    assert len(heard) == 2
    assert heard_inside == []


async def test_no_proxy_and_no_password_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with serving(OK) as (proxy_port, heard_by_proxy), serving(OK) as (port, heard):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://{INSIDE}:{proxy_port}")
        answers = await post(f"http://{INSIDE}:{port}/")
    assert answers == [Answer(200)]
    assert heard_by_proxy == []
    assert b"authorization" not in heard[0].lower()


async def test_cookies_are_not_kept() -> None:
    said = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with serving(said) as (port, heard):
        answers = await post(*[f"http://{INSIDE}:{port}/"] * 2)
    assert answers == [Answer(200)] * 2
    assert all(b"cookie" not in each.lower() for each in heard)


async def test_a_connection_is_kept_for_the_next_webhook() -> None:
    async with serving(OK) as (port, heard):
        answers = await post(*[f"http://{INSIDE}:{port}/"] * 3)
    assert answers == [Answer(200)] * 3
    assert len(heard) == 1


async def test_a_connection_on_which_more_came_than_the_answer_is_not_kept() -> None:
    async with serving(OK + OK) as (port, heard):
        answers = await post(*[f"http://{INSIDE}:{port}/"] * 3)
    assert answers == [Answer(200)] * 3
    assert len(heard) == 3

"""Answers that come slowly or never, and endpoints that go on after theirs: one deadline for all of it."""

import asyncio
import socket
import threading
import time
import tracemalloc
from itertools import cycle
from pathlib import Path

import pytest
import uvloop

from tests.component.webhook_dispatcher.test_bodies import (
    CHUNKED,
    LATE,
    LONG,
    LOOPBACK,
    MOST_MEMORY,
    NEARLY,
    OK,
    SHORT,
    Endpoint,
    Speak,
    attempt,
    flood,
    hear,
    request_to,
    speaking,
)
from tests.component.webhook_dispatcher.test_rebinding_tls import DAY, Authority
from webhook_dispatcher.answers import Answer
from webhook_dispatcher.exchange import KEPT_BYTES, exchange
from webhook_dispatcher.transport import guarded_transport

KEPT_OPEN = OK + b"Content-Length: 0\r\n\r\n"
DRIPS: dict[str, tuple[bytes, bytes, int | None]] = {
    "nothing": (b"", b"", None),
    "half a status line": (b"HTTP/1.1 2", b"", None),
    "status line": (b"HTTP/1.1 200 ", b"x", None),
    "a head without its end": (OK + b"Content-Length: 2\r\n", b"", None),
    "headers": (OK, b"a: b\r\n", None),
    "blank lines": (b"", b"\r\n", None),
    "an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n", b"", None),
    "no body": (OK + b"Content-Length: 2\r\n\r\n", b"", 200),
    "half a body": (OK + b"Content-Length: 4\r\n\r\nha", b"", 200),
    "body": (OK + b"\r\n", b"x", 200),
    "chunks": (CHUNKED, b"1\r\nx\r\n", 200),
    "chunk's length": (CHUNKED, b"0", 200),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n", 200),
}


def drip(first: bytes, endless: bytes) -> Speak:
    """Says the first, then the other for ever, a byte at a time."""

    def speak(connection: socket.socket) -> None:
        hear(connection)
        connection.sendall(first)
        for byte in cycle(endless):
            connection.sendall(bytes([byte]))
            time.sleep(SHORT / 50)

    return speak


@pytest.mark.parametrize("kind", DRIPS)
def test_a_drip_ends_the_attempt_at_its_deadline_and_a_status_that_came_counts(kind: str) -> None:
    first, endless, status = DRIPS[kind]
    with speaking(drip(first, endless)) as endpoint:
        made = uvloop.run(attempt(endpoint, SHORT))
    assert made.answer.status == status
    assert made.answer.error == f"the answer was not complete within {SHORT:g} s"
    assert len(made.answer.body) < KEPT_BYTES
    assert NEARLY <= made.took < LATE
    assert made.peak < MOST_MEMORY


def test_the_deadline_holds_for_a_handshake_that_never_ends() -> None:
    def say_nothing(connection: socket.socket) -> None:
        connection.recv(1)

    with speaking(say_nothing) as endpoint:
        made = uvloop.run(attempt(endpoint, SHORT, scheme="https"))
    assert made.answer == Answer(error=f"the answer was not complete within {SHORT:g} s")
    assert NEARLY <= made.took < LATE


def test_of_a_body_that_the_endpoint_never_reads_nothing_is_kept_beyond_the_deadline() -> None:
    taken = 0
    body = b"x" * 32 * 1024 * 1024

    def read_nothing_for_long(connection: socket.socket) -> None:
        nonlocal taken
        time.sleep(SHORT * LATE)
        while chunk := connection.recv(65536):
            taken += len(chunk)

    with speaking(read_nothing_for_long) as endpoint:
        made = uvloop.run(attempt(endpoint, SHORT, body))
    assert made.answer == Answer(error=f"the answer was not complete within {SHORT:g} s")
    assert NEARLY <= made.took < LATE
    assert taken < len(body)


@pytest.mark.parametrize("endless", [KEPT_OPEN, b"HTTP/1.1 100 Continue\r\n\r\n", b"\r\n", b"x"])
def test_an_endpoint_that_goes_on_after_its_answer_is_cut_off(endless: bytes) -> None:
    answered = threading.Event()

    def answer_then_flood(connection: socket.socket) -> None:
        hear(connection)
        connection.sendall(KEPT_OPEN)
        answered.wait(LONG)
        while True:
            connection.sendall(endless * 2000)

    async def made(endpoint: Endpoint) -> tuple[Answer, Answer, int]:
        transport = guarded_transport(LOOPBACK)
        tracemalloc.start()
        before = await exchange(transport, request_to(endpoint), LONG)
        answered.set()
        assert await asyncio.to_thread(endpoint.left.wait, LONG)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        after = await exchange(transport, request_to(endpoint), LONG)
        await transport.aclose()
        return before, after, peak

    with speaking(answer_then_flood) as endpoint:
        before, after, peak = uvloop.run(made(endpoint))
    assert (before, after) == (Answer(200), Answer(200))
    assert peak < MOST_MEMORY


def test_a_flood_through_tls_is_cut_off_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    context = authority.certificate(["127.0.0.1"], DAY)

    def flood_sealed(connection: socket.socket) -> None:
        flood(OK + b"\r\n", b"x")(context.wrap_socket(connection, server_side=True))

    with speaking(flood_sealed) as endpoint:
        made = uvloop.run(attempt(endpoint, LONG, scheme="https"))
    assert made.answer == Answer(200, body=b"x" * KEPT_BYTES)
    assert made.took < 0.5
    assert made.peak < MOST_MEMORY

"""Answers that are no good HTTP: an error in words, and a status that came counts however bytes were cut."""

import gzip
import socket
import struct
import time

import pytest
import uvloop

from tests.component.webhook_dispatcher.test_bodies import (
    CHUNKED,
    LONG,
    MOST_MEMORY,
    OK,
    Attempt,
    Speak,
    attempt,
    hear,
    speaking,
)
from webhook_dispatcher.answers import Answer
from webhook_dispatcher.exchange import KEPT_BYTES

LAST = OK + b"Connection: close\r\n"
HINT = b"HTTP/1.1 103 Early Hints\r\n\r\n"
# The head, the rest, and the status and error that are recorded.
BROKEN: dict[str, tuple[bytes, bytes, int | None, str | None]] = {
    "chunk's length is no number": (CHUNKED, b"zz\r\nx", 200, "Invalid character in chunk size"),
    "chunk's length is negative": (CHUNKED, b"-1\r\nx", 200, "Invalid character in chunk size"),
    "chunk's length is too long": (CHUNKED, b"FFFFFFFFFFFFFFFFF\r\nx", 200, "Chunk size overflow"),
    "chunk is longer than it said": (CHUNKED, b"1\r\nxxx\r\n", 200, "after chunk data"),
    "chunk is shorter than it said": (CHUNKED, b"4\r\nles", 200, "Not enough data"),
    "last chunk is missing": (CHUNKED, b"2\r\nok\r\n", 200, "Not enough data"),
    "body is shorter than it said": (OK + b"Content-Length: 9\r\n\r\n", b"less", 200, "Not enough data"),
    "body is longer than it said": (OK + b"Content-Length: 2\r\n\r\n", b"okmore", 200, None),
    "last body, longer than it said": (LAST + b"Content-Length: 2\r\n\r\n", b"okmore", 200, None),
    "body where there can be none": (b"HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\n", b"body", 204, None),
    "a second answer": (OK + b"Content-Length: 0\r\n\r\n", b"HTTP/1.1 500 Oh\r\n\r\n", 200, None),
    "an interim answer first": (HINT + OK + b"Content-Length: 2\r\n\r\n", b"okmore", 200, None),
    "head cut short": (OK + b"Content-", b"", None, "ServerDisconnectedError"),
    "nothing": (b"", b"", None, "ServerDisconnectedError"),
    "two lengths": (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n", b"ok", None, "Content-Length"),
    "negative length": (OK + b"Content-Length: -2\r\n\r\n", b"ok", None, "Content-Length"),
    "endless length": (OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", b"ok", None, "Content-Length"),
    "length and chunks": (OK + b"Content-Length: 2\r\n" + CHUNKED[len(OK):], b"", None, "Encoding"),
    "NUL in a header": (OK + b"x: a\x00b\r\n\r\n", b"ok", None, "Invalid HTTP header"),
    "status of two digits": (b"HTTP/1.1 99 x\r\n\r\n", b"", None, "Bad status line"),
    "HTTP/2": (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", b"\x00\x03\x00\x00\x00\x64", None, "Bad status line"),
    "another protocol": (b"SSH-2.0-OpenSSH_9.6\r\n", b"", None, "Bad status line"),
}  # fmt: skip


def saying(*parts: bytes, abrupt: bool = False) -> Speak:
    """Says the parts, each in a packet of its own, and goes; abruptly: with a reset."""

    def speak(connection: socket.socket) -> None:
        hear(connection)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
            time.sleep(0.02)
        if abrupt:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return speak


def made(speak: Speak) -> Attempt:
    with speaking(speak) as endpoint:
        return uvloop.run(attempt(endpoint, LONG))


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("cut", [False, True], ids=["in one", "in two"])
def test_a_broken_answer_is_recorded_alike_however_its_bytes_are_cut(kind: str, cut: bool) -> None:
    head, rest, status, error = BROKEN[kind]
    attempt = made(saying(head, rest) if cut else saying(head + rest))
    assert attempt.answer.status == status
    assert (error or "") in (attempt.answer.error or "")
    assert (attempt.answer.error is None) == (error is None)
    assert attempt.took < 0.5


def test_of_a_body_longer_than_it_said_what_it_said_is_kept() -> None:
    attempt = made(saying(OK + b"Content-Length: 2\r\n\r\nokmore"))
    assert attempt.answer == Answer(200, body=b"ok")


@pytest.mark.parametrize(
    ("said", "status"),
    [(OK, None), (OK + b"Content-Length: 9\r\n\r\nless", 200), (CHUNKED, 200)],
)
def test_a_reset_is_an_error_and_a_status_that_came_counts(said: bytes, status: int | None) -> None:
    attempt = made(saying(said, abrupt=True))
    assert attempt.answer.status == status
    assert "reset" in (attempt.answer.error or "")
    assert attempt.took < 0.5


@pytest.mark.parametrize("chunked", [False, True])
def test_a_packed_body_stays_packed(chunked: bool) -> None:
    packed = gzip.compress(b"x" * 50_000_000)
    assert len(packed) > KEPT_BYTES
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(packed)
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed) if chunked else packed
    attempt = made(saying(OK + b"Content-Encoding: gzip\r\n" + length + b"\r\n\r\n" + body))
    assert attempt.answer == Answer(200, body=packed[:KEPT_BYTES])
    assert attempt.peak < MOST_MEMORY

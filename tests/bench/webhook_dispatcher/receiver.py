"""The 3PLs' endpoints of a bench: most answer at once, others hang, drip, flood or reset, by their path.

`python -m tests.bench.webhook_dispatcher.receiver`, in a process of its own, on uvloop. It knows no more of
HTTP than the dispatcher says, so that it takes little of the machine's time.
"""

import asyncio
import json
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import uvloop

from deploy.local.ports import LOOPBACK

PORTS = 100
COUNTED = "ok"  # answered and counted; what is `calm` is answered alone
FAULTS = ("hang", "drip", "flood", "reset")
DRIP_EVERY = 0.2
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_DRIPPING = b"HTTP/1.1 200 OK\r\nX-Drip: "
_FLOODING = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the connection ends with RST


@dataclass(slots=True)
class Heard:
    """The webhooks that were counted since the last time it was forgotten; a repeat counts once.

    Times are in seconds since 1970; a latency is that from an event's own time to its arrival.
    """

    ids: set[bytes] = field(default_factory=set)
    first: float = 0.0
    last: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def hear(self, webhook_id: bytes, body: bytes, now: float) -> None:
        if webhook_id in self.ids:
            return
        self.ids.add(webhook_id)
        self.first, self.last = self.first or now, now
        self.latencies.append(now - event_time(body))


class Receiver:
    """What all endpoints share: what was heard, and whether the faulty ones are faulty now."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.heard = Heard()
        self.faulty = True
        self.strained: set[asyncio.Transport] = set()
        self._jobs: Mapping[str, Callable[[], Any]] = {
            "ports": lambda: ports,
            "forget": self._forget,
            "count": lambda: len(self.heard.ids),
            "tell": self._tell,
            "mend": self._mend,
            "spoil": self._spoil,
        }

    def do(self, job: str) -> Any:
        """The answer to a job of the bench."""
        return self._jobs[job]()

    def _forget(self) -> None:
        self.heard = Heard()

    def _tell(self) -> dict[str, Any]:
        heard = self.heard
        last = {"first": heard.first, "last": heard.last}
        return {"count": len(heard.ids), **last, "p99": percentile(heard.latencies, 0.99)}

    def _mend(self) -> None:
        """Every endpoint answers from now on; exchanges under way are broken off."""
        self.faulty = False
        for transport in list(self.strained):
            transport.abort()

    def _spoil(self) -> None:
        self.faulty = True


class Connection(asyncio.Protocol):
    """One connection to an endpoint."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._transport: asyncio.Transport
        self._unread = b""
        self._floods = self._paused = False
        self._faults: Mapping[str, Callable[[], object]] = {
            "hang": lambda: None,
            "drip": self._begin_to_drip,
            "flood": self._begin_to_flood,
            "reset": self._reset,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is of no class of asyncio's

    def connection_lost(self, _: Exception | None) -> None:
        self._receiver.strained.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (taken := take(self._unread)) is not None:
            head, body, self._unread = taken
            self._answer(head, body)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._flood()

    def _answer(self, head: bytes, body: bytes) -> None:
        kind = head[: head.index(b" HTTP/1.1")].split(b"/", 2)[1].decode()
        if kind in self._faults and self._receiver.faulty:
            self._receiver.strained.add(self._transport)
            self._faults[kind]()
            return
        self._transport.write(_ANSWER)
        if kind == COUNTED:
            self._receiver.heard.hear(header(head, b"webhook-id"), body, time.time())

    def _begin_to_drip(self) -> None:
        self._transport.write(_DRIPPING)
        self._drip()

    def _drip(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"x")
            asyncio.get_running_loop().call_later(DRIP_EVERY, self._drip)

    def _begin_to_flood(self) -> None:
        self._floods = True
        self._transport.write(_FLOODING)
        self._flood()

    def _flood(self) -> None:
        if self._floods and not self._paused and not self._transport.is_closing():
            self._transport.write(_CHUNK)
            asyncio.get_running_loop().call_soon(self._flood)

    def _reset(self) -> None:
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()


def take(unread: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The head and the body of the first request with what comes after it; None if it isn't whole yet."""
    head, blank_line, rest = unread.partition(b"\r\n\r\n")
    if not blank_line:
        return None
    length = int(header(head, b"content-length"))
    return (head, rest[:length], rest[length:]) if len(rest) >= length else None


def header(head: bytes, name: bytes) -> bytes:
    """The value of a header that is there, whatever the case of its name."""
    start = head.lower().index(b"\r\n" + name + b": ") + len(name) + 4
    end = head.find(b"\r\n", start)
    return head[start:] if end < 0 else head[start:end]


def event_time(body: bytes) -> float:
    """When the event was that a webhook tells of, in seconds since 1970."""
    start = body.index(b'"timestamp":"') + 13
    return datetime.fromisoformat(body[start : body.index(b'"', start)].decode()).timestamp()


def percentile(values: Sequence[float], share: float) -> float:
    """The least of the values that so great a share of them doesn't exceed; 0 if there are none."""
    return sorted(values)[max(0, round(len(values) * share) - 1)] if values else 0.0


async def serve() -> None:
    """Listens, and does the jobs on stdin, a line each, until there are no more."""
    loop, jobs = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(jobs), sys.stdin)
    ports: list[int] = []
    receiver = Receiver(ports)
    for _ in range(PORTS):
        server = await loop.create_server(lambda: Connection(receiver), LOOPBACK, 0)
        ports.append(server.sockets[0].getsockname()[1])
    while line := await jobs.readline():
        sys.stdout.write(json.dumps(receiver.do(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(serve())

"""What the guarded transport connects to, by any spelling or name: each connection of the process is seen."""

import asyncio
import socket
import struct
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

import httpx
import pytest
import pytest_asyncio
from httpx_aiohttp import AiohttpTransport

from shared.egress import Network, url_refusal
from tests.unit.shared.test_egress import PUBLIC, REFUSED
from tests.unit.shared.test_egress_urls import REFUSED_URLS
from webhook_dispatcher import signing
from webhook_dispatcher.answers import Answer
from webhook_dispatcher.exchange import exchange, webhook_request
from webhook_dispatcher.transport import guarded_socket, guarded_transport

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
INSIDE = "127.0.0.1"
SECRET = signing.secret(b"k" * 24)
DEADLINE = 5.0

Said = Sequence[str]


@dataclass
class Listener:
    """Answers 200 to whoever connects; keeps to which address they did."""

    port: int = 0
    called: list[str] = field(default_factory=list)

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.called.append(writer.get_extra_info("sockname")[0].removeprefix("::ffff:"))
        try:
            await reader.readuntil(b"\r\n\r\n{}")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(address: str | None = None) -> AsyncIterator[Listener]:
    """A listener on one address, or on all of this machine's."""
    listener = Listener()
    everywhere = address is None and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if everywhere else socket.AF_INET
    bound = socket.create_server((address or "", 0), family=family, dualstack_ipv6=everywhere)
    listener.port = bound.getsockname()[1]
    server = await asyncio.start_server(listener.on_connection, sock=bound)
    yield listener
    server.close()


class NameServer:
    """Answers each look-up of a name with the next of what is to be said, the last of it for ever; lives 0 s.

    `=name` among the addresses makes the name an alias of that one. A name nobody spoke of is this machine.
    """

    def __init__(self, answers: Mapping[str, Sequence[Said]]) -> None:
        self.asked: list[tuple[str, int]] = []
        self._answers = answers
        self._to_come: dict[tuple[str, int], deque[Said]] = {}

    def answer(self, query: bytes) -> bytes:
        """RFC 1035, section 4: the header, the question again, and the records for it."""
        end = query.index(b"\0", 12) + 5
        name, kind = _read_name(query), struct.unpack("!H", query[end - 4 : end - 2])[0]
        self.asked.append((name, kind))
        records = _records(self._next(name, kind), kind)
        head = query[:2] + b"\x81\x80" + struct.pack("!HHHH", 1, len(records), 0, 0)
        return head + query[12:end] + b"".join(records)

    def _next(self, name: str, kind: int) -> Said:
        to_come = self._to_come.setdefault((name, kind), deque(self._answers.get(name, [(INSIDE, "::1")])))
        return to_come.popleft() if len(to_come) > 1 else to_come[0]


def _read_name(query: bytes) -> str:
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    return ".".join(labels).lower()


def _records(said: Said, kind: int) -> list[bytes]:
    owner, records = b"\xc0\x0c", []
    for alias in (each[1:] for each in said if each.startswith("=")):
        written = b"".join(bytes([len(label)]) + label.encode() for label in alias.split(".")) + b"\0"
        records.append(owner + struct.pack("!HHIH", 5, 1, 0, len(written)) + written)
        owner = written
    for address in (ip_address(each) for each in said if not each.startswith("=")):
        if kind == (1 if address.version == 4 else 28):
            packed = address.packed
            records.append(owner + struct.pack("!HHIH", kind, 1, 0, len(packed)) + packed)
    return records


@asynccontextmanager
async def naming(**answers: Sequence[Said]) -> AsyncIterator[tuple[str, list[tuple[str, int]]]]:
    """A name server on loopback that says `answers` of `<key>.example`: where it is, what it was asked."""
    server = NameServer({f"{key}.example": said for key, said in answers.items()})

    async def serve(bound: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            query, asker = await loop.sock_recvfrom(bound, 2048)
            await loop.sock_sendto(bound, server.answer(query), asker)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind((INSIDE, 0))
        bound.setblocking(False)
        serving = asyncio.create_task(serve(bound))
        yield f"{INSIDE}:{bound.getsockname()[1]}", server.asked
        serving.cancel()


_WATCHED: list[list[str]] = []


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        for connections in _WATCHED:
            connections.append(str(arguments[1][0]))


@cache
def _watch() -> None:
    """A hook stays for the life of the process."""
    sys.addaudithook(_on_event)


@contextmanager
def watching() -> Iterator[list[str]]:
    """The addresses that this process connects to meanwhile, or tries to."""
    _watch()
    connections: list[str] = []
    _WATCHED.append(connections)
    yield connections
    _WATCHED.remove(connections)


@asynccontextmanager
async def guarded(allowed: Sequence[Network], *name_servers: str) -> AsyncIterator[AiohttpTransport]:
    transport = guarded_transport(allowed, name_servers)
    yield transport
    await transport.aclose()


async def attempt(transport: AiohttpTransport, url: str) -> Answer:
    """What the transport makes of a URL that nobody checked before."""
    try:
        request = webhook_request(url, "msg_1", b"{}", SECRET, datetime.now(UTC))
        return await exchange(transport, request, DEADLINE)
    except (httpx.InvalidURL, ValueError) as error:
        return Answer(error=str(error))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inside() -> AsyncIterator[tuple[Listener, AiohttpTransport]]:
    """A listener that nothing may reach, and the transport that must not."""
    answers = {f"refused{index}": [(address.partition("%")[0],)] for index, address in enumerate(REFUSED)}
    async with (
        listening() as listener,
        naming(**answers) as (name_server, _),
        guarded((), name_server) as transport,
    ):
        yield listener, transport


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("url", REFUSED_URLS)
async def test_no_spelling_reaches_a_place_inside(
    url: str, inside: tuple[Listener, AiohttpTransport]
) -> None:
    listener, transport = inside
    url = url.format(port=listener.port)
    with watching() as connections:
        answer = await attempt(transport, url)
    assert url_refusal(url, allow_http=True) is not None
    assert (answer.status, connections, listener.called) == (None, [], [])
    assert answer.error


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("address", REFUSED)
async def test_no_name_reaches_an_address_inside(
    address: str, inside: tuple[Listener, AiohttpTransport]
) -> None:
    listener, transport = inside
    with watching() as connections:
        answer = await attempt(transport, f"http://refused{REFUSED.index(address)}.example:{listener.port}/")
    assert (answer.status, connections, listener.called) == (None, [], [])
    assert answer.error


@pytest.mark.parametrize("address", [*REFUSED, *PUBLIC])
def test_a_socket_is_made_for_a_public_address_only(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    info = (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443))
    if address in PUBLIC:
        guarded_socket(())(info).close()
    else:
        with pytest.raises(PermissionError, match="not a public address"):
            guarded_socket(())(info)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "hooks.localhost", "hooks.example", "hooks.example."]
)
async def test_an_allowed_network_is_reached_by_every_name_for_it(host: str) -> None:
    async with (
        listening() as listener,
        naming(hooks=[(INSIDE,)]) as (name_server, _),
        guarded(LOOPBACK, name_server) as transport,
    ):
        with watching() as connections:
            answer = await attempt(transport, f"http://{host}:{listener.port}/")
    assert (answer.status, answer.error) == (200, None)
    assert connections == listener.called
    assert len(connections) == 1

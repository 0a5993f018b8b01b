"""The way out: one aiohttp session that connects only where egress allows, and hears bounded answers."""

import errno
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import AddrInfoType
from aiohttp.http_parser import RawResponseMessage
from httpx_aiohttp import AiohttpTransport

from shared import egress
from shared.egress import Network

READ_BUFFER = 16 * 1024
# A whole answer as it comes, with room for one read of the loop's (256 KiB) beyond what is kept of it.
MOST_ANSWER_BYTES = 512 * 1024
MOST_INTERIM_ANSWERS = 16
MOST_ADDRESSES = 16

_BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")


def guarded_transport(allowed: Sequence[Network], name_servers: Sequence[str] = ()) -> AiohttpTransport:
    """The transport that webhooks go through; its session is made at the first request, on that loop.

    `name_servers` (`address:port`) are asked in place of the system's.
    """
    tls = ssl.create_default_context()

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=_Connector(
                ssl=tls,
                limit=0,
                socket_factory=guarded_socket(allowed),
                resolver=_FewAddresses(nameservers=name_servers),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
            auto_decompress=False,
            read_bufsize=READ_BUFFER,
        )

    return AiohttpTransport(verify=tls, trust_env=False, client=session)


def guarded_socket(allowed: Sequence[Network]) -> aiohttp.SocketFactoryType:
    """Makes the socket of one connection, after every look-up and to the very address that it is for.

    Raises PermissionError for an address that nothing may be sent to.
    """

    def make(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        refusal = egress.address_refusal(ip_address(str(address[0])), allowed)
        if refusal is not None:
            raise PermissionError(errno.EACCES, refusal)
        return socket.socket(family, kind, protocol)

    return make


class _FewAddresses(aiohttp.AsyncResolver):
    """Looks names up without threads: the system's share a few, which two slow name servers would fill.

    A name may have thousands of addresses, and of n that fail aiohttp tries the last one n times.
    """

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return (await super().resolve(host, port, family))[:MOST_ADDRESSES]


class _Connector(aiohttp.TCPConnector):
    """Connections that are bounded in what they hear."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        hearing: type[ResponseHandler] = _Hearing
        self._factory = partial(hearing, **self._factory.keywords)


class _Hearing(ResponseHandler):
    """Hears one bounded answer to one request; whoever says more, or speaks unasked, is cut off.

    aiohttp parses and queues whatever comes, on an idle connection too: hundreds of MB a second, while no
    deadline can strike.
    """

    _heard = 0
    _heads = 0
    _interim = 0
    _body: aiohttp.StreamReader | None = None

    def set_response_params(self, **params: Any) -> None:
        """A request begins."""
        self._heard = self._heads = self._interim = 0
        self._body = None
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Bytes came, or (none) those that were held back may be parsed now."""
        if not data:
            super().data_received(data)
        for piece in self._pieces(data):
            self._hear(piece)
            if self.exception() is not None:
                break
        if (error := self.exception()) is not None:
            self._cut_off(error)

    def feed_data(self, data: tuple[RawResponseMessage, aiohttp.StreamReader], size: int = 0) -> None:
        """One answer's head, final or interim (1xx), with the body that is to come."""
        message, body = data
        interim = message.code < 200 and message.code != 101
        self._interim += interim
        if self._body is not None:
            self._too_much("more came after the answer")
        elif self._interim > MOST_INTERIM_ANSWERS:
            self._too_much(f"more than {MOST_INTERIM_ANSWERS} interim answers came")
        else:
            self._body = None if interim else body
            super().feed_data(data, size)

    def close(self) -> None:
        """Closes at once: what the peer won't read, or still says through TLS, would hold the connection."""
        self.abort()

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        """Small ones, so that nothing is parsed of what comes after an excess, and each head apart.

        Of a head and a broken body in one piece aiohttp would report that it is broken, and no status.
        """
        start = 0
        while start < len(data):
            end = start + READ_BUFFER
            if self._body is None and self._heads <= MOST_INTERIM_ANSWERS:
                blank_line = _BLANK_LINE.search(data, start, end)
                self._heads += blank_line is not None
                end = blank_line.end() if blank_line else end
            yield data[start:end]
            start = end

    def _hear(self, piece: bytes) -> None:
        self._heard += len(piece)
        if self._heard > MOST_ANSWER_BYTES:
            self._too_much(f"the answer was longer than {MOST_ANSWER_BYTES // 1024} KiB")
        elif self._body is not None and self._body.is_eof():
            self._too_much("more came after the answer")
        else:
            super().data_received(piece)

    def _too_much(self, why: str) -> None:
        self.set_exception(aiohttp.ClientPayloadError(why))

    def _cut_off(self, error: BaseException) -> None:
        """aiohttp doesn't tell whoever reads the body of an error in it, and lets the connection linger."""
        if self._body is not None and not self._body.is_eof():
            self._body.set_exception(error)
        self.abort()
        self.set_exception(error)

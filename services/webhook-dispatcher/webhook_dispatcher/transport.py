"""The way out: one aiohttp session that connects only where the egress rules allow (DESIGN 5.8)."""

import errno
import socket
import ssl
from collections.abc import Sequence
from ipaddress import ip_address

import aiohttp
from aiohttp.connector import AddrInfoType
from httpx_aiohttp import AiohttpTransport

from shared import egress
from shared.egress import Network

READ_BUFFER = 16 * 1024


def guarded_transport(allowed: Sequence[Network]) -> AiohttpTransport:
    """The transport that webhooks go through; its session is made at the first request, on that loop."""
    tls = ssl.create_default_context()

    def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=tls,
                limit=0,
                socket_factory=guarded_socket(allowed),
                # The system's look-ups share a few threads, which two slow name servers would fill.
                resolver=aiohttp.AsyncResolver(),
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

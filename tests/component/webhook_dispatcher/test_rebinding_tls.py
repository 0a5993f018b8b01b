"""TLS to a checked address: the certificate must be good for the URL's host, whatever address that has."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.component.webhook_dispatcher.test_rebinding import INSIDE, LOOPBACK, attempt, guarded, naming
from webhook_dispatcher.answers import Answer

NAMED, BELOW = "hooks.example", "in.hooks.example"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """Signs certificates; who trusts `file` trusts them."""

    folder: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def name(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Authority {self.folder.name}")])

    @property
    def file(self) -> Path:
        """Its own certificate."""
        file = self.folder / "authority.pem"
        issued = self._builder(self.name, self.key, DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        file.write_bytes(issued.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return file

    def certificate(self, names: Sequence[str], life: timedelta) -> ssl.SSLContext:
        """What a server for these names and addresses shows, until `life` from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        issued = self._builder(subject, key, life).add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
        )
        file = self.folder / "server.pem"
        file.write_bytes(
            issued.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, life: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3 * DAY)
            .not_valid_after(now + life)
        )


def _general(name: str) -> x509.GeneralName:
    if name.replace(".", "").isdigit():
        return x509.IPAddress(ip_address(name))
    return x509.DNSName(name)


@dataclass
class Server:
    """Answers 200 through TLS; keeps the requests that came and the names it was greeted by."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    greeted: list[str | None] = field(default_factory=list)

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heard.append(await reader.readuntil(b"\r\n\r\n{}"))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(context: ssl.SSLContext) -> AsyncIterator[Server]:
    server = Server()
    context.sni_callback = lambda _socket, name, _context: server.greeted.append(name)
    listening = await asyncio.start_server(server.on_connection, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    yield server
    listening.close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one authority that the system trusts."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


async def sent(server: Server, host: str) -> Answer:
    async with naming() as (name_server, _), guarded(LOOPBACK, name_server) as transport:
        return await attempt(transport, f"https://{host}:{server.port}/")


@pytest.mark.parametrize(
    ("names", "host", "greeting"),
    [
        ([NAMED], NAMED, NAMED),
        ([NAMED], "HOOKS.example.", NAMED),
        (["*.hooks.example"], BELOW, BELOW),
        (["other.example", NAMED], NAMED, NAMED),
        ([INSIDE], INSIDE, None),
    ],
)
async def test_a_certificate_for_the_urls_host_is_good(
    authority: Authority, names: list[str], host: str, greeting: str | None
) -> None:
    async with serving(authority.certificate(names, DAY)) as server:
        assert await sent(server, host) == Answer(200)
    assert len(server.heard) == 1
    assert server.greeted == [greeting]


@pytest.mark.parametrize(
    ("names", "host"),
    [
        (["other.example"], NAMED),
        (["*.other.example"], NAMED),
        (["*.example"], BELOW),
        ([NAMED], BELOW),
        (["*.hooks.example"], NAMED),
        (["example"], NAMED),
        # Good for the address that is connected to, not for the name that was asked for; and the reverse.
        ([INSIDE], NAMED),
        ([NAMED], INSIDE),
        (["localhost"], INSIDE),
    ],
)
async def test_a_certificate_for_another_host_ends_the_attempt_before_anything_is_said(
    authority: Authority, names: list[str], host: str
) -> None:
    async with serving(authority.certificate(names, DAY)) as server:
        answer = await sent(server, host)
    assert (answer.status, server.heard) == (None, [])
    assert "certificate verify failed" in (answer.error or "")


async def test_a_certificate_that_has_expired_is_not_good(authority: Authority) -> None:
    async with serving(authority.certificate([NAMED], -DAY)) as server:
        answer = await sent(server, NAMED)
    assert (answer.status, server.heard) == (None, [])
    assert "certificate has expired" in (answer.error or "")


@pytest.mark.usefixtures("authority")
async def test_a_certificate_of_an_authority_that_nobody_trusts_is_not_good(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with serving(Authority(tmp_path / "other").certificate([NAMED], DAY)) as server:
        answer = await sent(server, NAMED)
    assert (answer.status, server.heard) == (None, [])
    assert "unable to get local issuer" in (answer.error or "")


async def test_an_address_inside_isnt_even_greeted(authority: Authority) -> None:
    async with (
        serving(authority.certificate([NAMED], DAY)) as server,
        naming() as (name_server, _),
        guarded((), name_server) as transport,
    ):
        answer = await attempt(transport, f"https://{NAMED}:{server.port}/")
    assert (answer.status, server.heard, server.greeted) == (None, [], [])

"""The platform's mailbox: takes every mail by SMTP, delivers none, and shows them on a page."""

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from weakref import WeakSet

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local import mail
from deploy.local.errors import PlatformError
from deploy.local.mail_page import mail_page
from deploy.local.ports import LOOPBACK

MOST_BYTES = 2**20  # of a mail with its envelope


class Mailbox:
    """Keeps each mail in `folder` before it says that it took it; `url` is the page that shows them."""

    def __init__(self, folder: Path, *, smtp_port: int, page_port: int) -> None:
        self.folder = folder
        self.smtp_url = f"smtp://{LOOPBACK}:{smtp_port}"
        self.url = f"http://{LOOPBACK}:{page_port}"
        self._ports = smtp_port, page_port
        self._taken = 0
        self._connections: WeakSet[SMTP] = WeakSet()
        self._open = AsyncExitStack()

    async def start(self) -> None:
        """Listen on both ports. Raises `PlatformError`; `stop` closes what was opened by then."""
        self._taken = max(map(mail.number_of, mail.ids(self.folder)), default=0)
        logging.getLogger("mail.log").disabled = True  # it would print whatever a client says
        try:
            await self._listen(*self._ports)
        except OSError as error:
            raise PlatformError(
                f"The mailbox can't listen ({error}). Start again: it takes free ports."
            ) from error

    async def stop(self) -> None:
        """Close both ports and every connection."""
        await self._open.aclose()

    async def _listen(self, smtp_port: int, page_port: int) -> None:
        server = await asyncio.get_running_loop().create_server(self._connection, LOOPBACK, smtp_port)
        self._open.push_async_callback(self._close, server)
        runner = web.AppRunner(mail_page(self.folder), access_log=None, shutdown_timeout=1)
        self._open.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, LOOPBACK, page_port).start()

    async def _close(self, server: asyncio.Server) -> None:
        server.close()
        for connection in list(self._connections):
            if connection.transport is not None:
                connection.transport.close()
        await server.wait_closed()

    def _connection(self) -> SMTP:
        connection = SMTP(
            SimpleNamespace(handle_DATA=self._on_data),
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            hostname="localhost",
            loop=asyncio.get_running_loop(),
        )
        self._connections.add(connection)
        return connection

    async def _on_data(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        """Answers the end of DATA (RFC 5321, 4.2): 5xx will never work, 4xx may later."""
        sender, recipients = envelope.mail_from or "", envelope.rcpt_tos
        if not all(map(str.isprintable, (sender, *recipients))):
            return "553 5.1.3 An address holds what can't be printed"
        content = mail.marked(sender, recipients, envelope.original_content or b"")
        if len(content) > MOST_BYTES:
            return f"552 5.3.4 A mail holds at most {MOST_BYTES} bytes"
        mail_id = mail.new_id(self._taken + 1, datetime.now(UTC))
        try:
            mail.parsed(mail_id, content)
        except Exception as error:  # `email` raises many kinds; refused here, it breaks no list later
            return f"554 5.6.0 This mail can't be read: {type(error).__name__}"
        try:
            mail.write(self.folder, mail_id, content)
        except OSError as error:
            return f"452 4.3.1 This mail can't be kept: {error.strerror}"
        self._taken += 1
        return "250 2.0.0 Kept"

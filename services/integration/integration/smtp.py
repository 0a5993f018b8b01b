"""Sends one mail by SMTP, to whatever server the settings name.

Source: RFC 5321 (SMTP), RFC 5322 (the message), RFC 8314 (TLS).
"""

import asyncio
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Self
from urllib.parse import unquote, urlsplit

import aiosmtplib

from integration.mails import Mail

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class MailRefused(Exception):
    """This mail will never be sent: the server answered 5xx to it or to its recipient, or it is none."""


@dataclass(frozen=True)
class SmtpServer:
    """A mail server: `smtp://` in the clear, `smtp+starttls://` or `smtps://` with TLS, which is verified.

    `deadline` is for one mail, from connecting to the last answer, in seconds.
    """

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    deadline: float = 30.0

    @classmethod
    def at(cls, url: str, deadline: float = 30.0) -> Self:
        """The server of a URL such as `smtps://user:password@host:465`; raises ValueError if it is none."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("must be smtp://host:port, smtp+starttls://user:password@host or smtps://…")
        user, password = parts.username, parts.password
        return cls(
            parts.scheme,
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            unquote(user) if user else None,
            unquote(password) if password else None,
            deadline,
        )


async def send(server: SmtpServer, sender: str, mail: Mail) -> None:
    """Hands the mail to the server; raises `MailRefused` for good, anything else may pass by itself."""
    try:
        whole = message(mail, sender)
    except ValueError as error:
        raise MailRefused(f"no mail can be made of it: {error}") from error
    try:
        async with asyncio.timeout(server.deadline):
            await aiosmtplib.send(
                whole,
                sender=parseaddr(sender)[1],
                recipients=[mail.recipient],
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                use_tls=server.scheme == "smtps",
                start_tls=server.scheme == "smtp+starttls",
                timeout=server.deadline,
            )
    except aiosmtplib.SMTPRecipientsRefused as refusal:
        if all(each.code >= 500 for each in refusal.recipients):
            raise MailRefused(str(refusal.recipients[0])) from refusal
        raise
    except aiosmtplib.SMTPDataError as refusal:
        if refusal.code >= 500:
            raise MailRefused(f"{refusal.code} {refusal.message}") from refusal
        raise


def message(mail: Mail, sender: str) -> EmailMessage:
    """The mail as it travels; its Message-ID is the same each time it is sent."""
    whole = EmailMessage()
    whole["From"] = sender
    whole["To"] = mail.recipient
    whole["Subject"] = mail.subject
    whole["Date"] = formatdate()
    whole["Message-ID"] = f"<{mail.id}@{parseaddr(sender)[1].partition('@')[2]}>"
    whole["Auto-Submitted"] = "auto-generated"
    whole.set_content(mail.text)
    whole.add_alternative(mail.html, subtype="html")
    return whole

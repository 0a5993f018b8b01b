"""The clock came: mails are sent, and what no longer counts is deleted."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.mails import Mail, WaitingMail
from integration.smtp import MailRefused, SmtpServer, send
from integration.store import idempotency, mails, password_tokens, rate_limits, sessions
from shared.database import Database
from shared.encryption import KeyRing
from shared.telemetry import Metrics

log = structlog.get_logger()

Outcome = Literal["sent", "again", "failed"]

AT_ONCE = 10
# How long what has ended is kept.
MAILS_KEPT = timedelta(days=30)
COUNTS_KEPT = timedelta(days=1)


class Mailer:
    """Sends the mails that wait, each with no transaction open; one that fails is tried again."""

    def __init__(
        self, database: Database, ring: KeyRing, server: SmtpServer, sender: str, metrics: Metrics
    ) -> None:
        self._database = database
        self._ring = ring
        self._server = server
        self._sender = sender
        # Longer than sending one may take: whoever is killed while sending holds a mail up no longer.
        self._lease = timedelta(seconds=2 * server.deadline)
        self._waiting = metrics.gauge("mails_waiting", "Mails not yet sent")
        self._ended = metrics.counter("mails", "Mails by what became of an attempt", "outcome")

    async def step(self) -> bool:
        """Claims some mails, sends them at once, settles each; answers whether there may be more."""
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            claimed = await mails.claim(connection, now, self._lease, AT_ONCE)
        await asyncio.gather(*(self._send(waiting) for waiting in claimed))
        async with self._database.transaction() as connection:
            self._waiting.set(await mails.waiting(connection))
        return len(claimed) == AT_ONCE

    async def _send(self, waiting: WaitingMail) -> None:
        outcome, reason = await self._tried(waiting)
        now = datetime.now(UTC)
        async with self._database.transaction() as connection:
            await _settle(connection, waiting, outcome, reason, now)
        self._ended.labels(outcome).inc()
        said = {"mail": waiting.id, "attempt": waiting.attempts, "outcome": outcome, "reason": reason}
        (log.info if outcome == "sent" else log.warning)("mail.attempted", **said)

    async def _tried(self, waiting: WaitingMail) -> tuple[Outcome, str]:
        """What became of the attempt, and why."""
        if waiting.until is not None and waiting.until <= datetime.now(UTC):
            return "failed", "what it tells is of no use any more"
        try:
            content = self._ring.decrypt(waiting.sealed)
            await send(self._server, self._sender, Mail.read(waiting.id, waiting.recipient, content))
        except MailRefused as refusal:
            return "failed", str(refusal)
        except Exception as error:
            last = waiting.wait() is None
            return "failed" if last else "again", f"{type(error).__name__}: {error}"[:500]
        return "sent", ""


async def _settle(
    connection: AsyncConnection, waiting: WaitingMail, outcome: Outcome, reason: str, now: datetime
) -> None:
    mail_id, wait = waiting.id, waiting.wait()
    if outcome == "sent":
        await mails.sent(connection, mail_id, now)
    elif outcome == "again" and wait is not None:
        await mails.again(connection, mail_id, now + wait, reason)
    else:
        await mails.failed(connection, mail_id, reason, now)


@dataclass(frozen=True)
class Forgetting:
    """Deletes, every hour, what no longer counts: used keys, counted tries, ended sessions and tokens."""

    database: Database

    async def step(self) -> bool:
        now = datetime.now(UTC)
        async with self.database.transaction() as connection:
            await idempotency.forget(connection, now)
            await rate_limits.forget(connection, now - COUNTS_KEPT)
            await sessions.forget(connection, now - COUNTS_KEPT)
            await password_tokens.forget(connection, now)
            await mails.forget(connection, now - MAILS_KEPT)
        return False

"""Mails in the database: written with the change that caused them, sent afterwards, then emptied."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.mails import Mail, WaitingMail
from shared.encryption import KeyRing

_ADD = text(
    """
    INSERT INTO mails (id, recipient, content, until, created_at, due_at)
    VALUES (:id, :recipient, :content, :until, :now, :now) ON CONFLICT DO NOTHING
    """
)
# Taking one counts the attempt and holds it off until the lease is over, should this process die.
_CLAIM = text(
    """
    UPDATE mails SET attempts = attempts + 1, due_at = :until
    WHERE id IN (
        SELECT id FROM mails WHERE due_at <= :now ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    RETURNING id, recipient, content, until, attempts
    """
)
# What was sent is not kept: it held a token.
_SENT = text("UPDATE mails SET sent_at = :now, due_at = NULL, content = NULL, reason = NULL WHERE id = :id")
_AGAIN = text("UPDATE mails SET due_at = :due_at, reason = :reason WHERE id = :id AND sent_at IS NULL")
_FAILED = text(
    "UPDATE mails SET failed_at = :now, due_at = NULL, content = NULL, reason = :reason WHERE id = :id"
)
_DROP = text("DELETE FROM mails WHERE starts_with(id, :prefix) AND due_at IS NOT NULL")
_WAITING = text("SELECT count(*) FROM mails WHERE due_at IS NOT NULL")
_FORGET = text("DELETE FROM mails WHERE due_at IS NULL AND created_at < :before")


async def add(connection: AsyncConnection, ring: KeyRing, mail: Mail, now: datetime) -> None:
    """Puts a mail into the queue as part of the caller's transaction; one of the same id is there once."""
    content = ring.encrypt(mail.content())
    values = {"id": mail.id, "recipient": mail.recipient, "content": content, "until": mail.until}
    await connection.execute(_ADD, {**values, "now": now})


async def drop(connection: AsyncConnection, prefix: str) -> None:
    """Takes the mails whose ids begin so out of the queue: what they tell is not so any more."""
    await connection.execute(_DROP, {"prefix": prefix})


async def claim(
    connection: AsyncConnection, now: datetime, lease: timedelta, limit: int
) -> Sequence[WaitingMail]:
    """At most `limit` mails that are due, nobody else's until the lease is over."""
    rows = await connection.execute(_CLAIM, {"now": now, "until": now + lease, "limit": limit})
    return [WaitingMail(row.id, row.recipient, row.content, row.until, row.attempts) for row in rows]


async def sent(connection: AsyncConnection, mail_id: str, now: datetime) -> None:
    await connection.execute(_SENT, {"id": mail_id, "now": now})


async def again(connection: AsyncConnection, mail_id: str, due_at: datetime, reason: str) -> None:
    """The mail could not be sent now, and why; it is due again then."""
    await connection.execute(_AGAIN, {"id": mail_id, "due_at": due_at, "reason": reason})


async def failed(connection: AsyncConnection, mail_id: str, reason: str, now: datetime) -> None:
    """The mail will never be sent, and why."""
    await connection.execute(_FAILED, {"id": mail_id, "reason": reason, "now": now})


async def waiting(connection: AsyncConnection) -> int:
    """How many mails are not sent yet."""
    return int((await connection.execute(_WAITING)).scalar_one())


async def forget(connection: AsyncConnection, before: datetime) -> None:
    """Deletes what is left of the mails that were written before a moment and ended."""
    await connection.execute(_FORGET, {"before": before})

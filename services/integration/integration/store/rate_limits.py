"""How often each one tried, in the database, so that all processes count together."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.rate_limits import RateLimit

_COUNT = text(
    """
    INSERT INTO rate_limits (name, subject, window_start, count) VALUES (:name, :subject, :window_start, 1)
    ON CONFLICT (name, subject, window_start) DO UPDATE SET count = rate_limits.count + 1
    RETURNING count
    """
)
_FORGET = text("DELETE FROM rate_limits WHERE window_start < :before")


async def count(connection: AsyncConnection, limit: RateLimit, subject: str, now: datetime) -> int:
    """Counts a try of the subject; answers how many it has made in this window, with this one."""
    values = {"name": limit.name, "subject": subject, "window_start": limit.window_start(now)}
    return int((await connection.execute(_COUNT, values)).scalar_one())


async def forget(connection: AsyncConnection, before: datetime) -> None:
    """Deletes the windows that began before a moment."""
    await connection.execute(_FORGET, {"before": before})

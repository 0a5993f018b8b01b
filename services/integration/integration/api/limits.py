"""The rate limits of this API, counted by account and by network address."""

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request

from integration.rate_limits import RateLimit, require_room
from integration.store import rate_limits
from shared.database import Database


@dataclass(frozen=True)
class Limits:
    """How often one may look for others, sign in, have mail sent, and come with a token out of a mail."""

    database: Database
    finding: RateLimit
    signing_in: RateLimit
    mailing: RateLimit
    redeeming: RateLimit

    async def count(self, limit: RateLimit, request: Request, subject: str | None = None) -> None:
        """Counts a try by the subject and by the caller's address, whatever becomes of the request.

        Raises the 429 problem `too-many-requests`.
        """
        now = datetime.now(UTC)
        address = f"address {request.client.host if request.client else 'unknown'}"
        async with self.database.transaction() as connection:
            by_address = await rate_limits.count(connection, limit.of_address(), address, now)
            by_subject = 0 if subject is None else await rate_limits.count(connection, limit, subject, now)
        require_room(limit.of_address(), by_address, now)
        require_room(limit, by_subject, now)

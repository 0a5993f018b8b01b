"""The rate limits of this API, counted by account and by network address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from fastapi import Request

from integration.rate_limits import RateLimit, require_room
from integration.store import rate_limits
from shared.contracts.identifiers import AccountKind
from shared.database import Database

# Many people may share a network, and many mails be an account's.
MANY = 10


@dataclass(frozen=True)
class Limits:
    """How often one may look for others, sign in, have mail sent, and come with a token out of a mail.

    `database` is a pool of its own: a request that holds a connection counts without waiting for another.
    """

    database: Database
    finding: RateLimit
    signing_in: RateLimit
    mailing: RateLimit
    redeeming: RateLimit

    async def count_find(self, request: Request, account: str) -> None:
        """An account looks for the other side."""
        await self._count(self.finding, request, [(account, 1)])

    async def count_sign_in(self, request: Request, kind: AccountKind, email: str) -> None:
        """Somebody tries a password; from one address less often than from all, so that guessing at an
        e-mail elsewhere doesn't keep out its owner.
        """
        who = f"{kind} {email}"
        await self._count(self.signing_in, request, [(f"{who} {_network(request)}", 1), (who, MANY)])

    async def count_mail(self, request: Request, recipient: str, account: str | None = None) -> None:
        """Somebody has mail sent to an address: on an account's behalf, or a new password asked for."""
        if account is None:
            await self._count(self.mailing, request, [(f"password {recipient}", 1)])
        else:
            await self._count(self.mailing, request, [(f"invited {recipient}", 1), (account, MANY)])

    async def count_token(self, request: Request) -> None:
        """Somebody comes with a token out of a mail."""
        await self._count(self.redeeming, request, [])

    async def _count(self, limit: RateLimit, request: Request, subjects: Sequence[tuple[str, int]]) -> None:
        """Counts a try by each subject and by the caller's network, whatever becomes of the request.

        A subject may try as many times the limit as it is given with, a network `MANY` times. Raises the 429
        problem `too-many-requests`.
        """
        now = datetime.now(UTC)
        counted = [*subjects, (_network(request), MANY)]
        async with self.database.transaction() as connection:
            tries = [await rate_limits.count(connection, limit, subject, now) for subject, _ in counted]
        for (_, times), count in zip(counted, tries, strict=True):
            require_room(limit.times(times), count, now)


def _network(request: Request) -> str:
    """Where a request comes from: an IPv4 address, or the /64 of an IPv6 one, which is one customer's."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        return f"from {host}"
    return f"from {address if address.version == 4 else ip_network((address, 64), strict=False)}"

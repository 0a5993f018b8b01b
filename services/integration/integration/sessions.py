"""A session: who signed in, kept alive by refresh tokens of which each works once (DESIGN 2.1 and 7).

Source: RFC 9700 (OAuth 2.0 Security BCP), 4.14.2: a refresh token used again ends its whole family.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

ID_PREFIX = "session_"
TOKEN_PREFIX = "refresh_"  # noqa: S105 -- what every refresh token begins with
LIFETIME = timedelta(days=90)  # of a session, however often it is refreshed
IDLE = timedelta(days=14)  # of a refresh token

EndedBecause = Literal["signed-out", "token-reused", "password-changed", "person-removed"]
Verdict = Literal["refreshed", "reused", "over"]


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token as it is stored, with the session it belongs to."""

    token_hash: bytes
    session_id: str
    person_id: str
    expires_at: datetime
    used_at: datetime | None
    session_expires_at: datetime
    session_ended_at: datetime | None


def judge(token: RefreshToken, now: datetime) -> Verdict:
    """What handing in the token means now: a used one of a living session was stolen, here or there."""
    if token.session_ended_at is not None or token.session_expires_at <= now:
        return "over"
    if token.used_at is not None:
        return "reused"
    return "over" if token.expires_at <= now else "refreshed"

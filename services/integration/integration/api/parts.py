"""What every route works with: the composition root puts it into the app's state."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import HTTPBearer

from integration.api.limits import Limits
from integration.lifecycle import LIFE, Life
from integration.passwords import Passwords
from integration.tokens import Tokens
from shared.auth import Callers, caller_of
from shared.contracts.callers import Caller
from shared.database import Database
from shared.egress import Network
from shared.encryption import KeyRing
from shared.errors import Problem
from shared.pages import Place, read

TOKENS_FROM = "POST /oauth/token or POST /sessions"

_BEARER = HTTPBearer(auto_error=False)


@dataclass(frozen=True)
class Parts:
    """The service's parts; `announce` and `post` wake the relay and the mailer after a commit."""

    database: Database
    tokens: Tokens
    callers: Callers
    ring: KeyRing
    limits: Limits
    announce: Callable[[], None]
    post: Callable[[], None]
    links_topic: str
    console_url: str
    allow_http: bool = False
    allowed_networks: tuple[Network, ...] = ()
    passwords: Passwords = field(default_factory=Passwords)
    life: Life = field(default_factory=lambda: LIFE)


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


GivenParts = Annotated[Parts, Depends(_parts)]
GivenCaller = Annotated[
    Caller, Depends(caller_of(lambda request: request.app.state.parts.callers, TOKENS_FROM))
]


async def bearer_caller(parts: Parts, request: Request) -> Caller | None:
    """Who calls, or None without a token that is good."""
    try:
        return await parts.callers.of(await _BEARER(request))
    except Problem:
        return None


async def _before(
    cursor: Annotated[
        str | None,
        Query(max_length=200, description="`next_cursor` of the page before; none: the first page."),
    ] = None,
) -> Place:
    return read(cursor)


GivenPlace = Annotated[Place, Depends(_before)]
Limit = Annotated[int, Query(ge=1, le=200, description="The most items a page holds.")]

"""What every route works with: the composition root puts it into the app's state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.auth import Callers
from shared.contracts.callers import Caller
from shared.database import Database
from shared.encryption import KeyRing

_BEARER = HTTPBearer(auto_error=False, description="An access token from POST /oauth/token.")


@dataclass(frozen=True)
class Parts:
    """The service's parts; `nudge` wakes what sends, webhooks and announcements, after a commit."""

    database: Database
    callers: Callers
    ring: KeyRing
    deliveries_topic: str
    nudge: Callable[[], None]


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


GivenParts = Annotated[Parts, Depends(_parts)]


async def _caller(
    parts: GivenParts, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Caller:
    return await parts.callers.of(given)


GivenCaller = Annotated[Caller, Depends(_caller)]

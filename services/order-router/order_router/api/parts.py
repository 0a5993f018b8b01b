"""What every route works with: the composition root puts it into the app's state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.auth import Callers
from shared.contracts.callers import Caller
from shared.database import Database
from shared.pages import Place, read

_BEARER = HTTPBearer(auto_error=False, description="An access token from POST /oauth/token.")


@dataclass(frozen=True)
class Parts:
    """The service's parts; `announce` wakes the relay after a commit."""

    database: Database
    callers: Callers
    announce: Callable[[], None]
    assignments_topic: str


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


GivenParts = Annotated[Parts, Depends(_parts)]


async def _caller(
    parts: GivenParts, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Caller:
    return await parts.callers.of(given)


GivenCaller = Annotated[Caller, Depends(_caller)]


async def _before(
    cursor: Annotated[
        str | None,
        Query(max_length=500, description="`next_cursor` of the page before; none: the first page."),
    ] = None,
) -> Place:
    return read(cursor)


GivenPlace = Annotated[Place, Depends(_before)]
Limit = Annotated[int, Query(ge=1, le=200, description="The most items a page holds.")]

"""What every route works with: the composition root puts it into the app's state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from shared.auth import Callers, caller_of
from shared.contracts.callers import Caller
from shared.database import Database
from shared.pages import Place, read


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
GivenCaller = Annotated[Caller, Depends(caller_of(lambda request: request.app.state.parts.callers))]


async def _before(
    cursor: Annotated[
        str | None,
        Query(max_length=500, description="`next_cursor` of the page before; none: the first page."),
    ] = None,
) -> Place:
    return read(cursor)


GivenPlace = Annotated[Place, Depends(_before)]
Limit = Annotated[int, Query(ge=1, le=200, description="The most items a page holds.")]

"""What every route works with: the composition root puts it into the app's state."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request

from shared.auth import Callers, caller_of
from shared.contracts.callers import Caller
from shared.database import Database
from shared.encryption import KeyRing


@dataclass(frozen=True)
class Parts:
    """The service's parts; `nudge` wakes what announces and what resends, after a commit.

    The log goes back as far as `retention`.
    """

    database: Database
    callers: Callers
    ring: KeyRing
    deliveries_topic: str
    retention: timedelta
    nudge: Callable[[], None]


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


GivenParts = Annotated[Parts, Depends(_parts)]
GivenCaller = Annotated[Caller, Depends(caller_of(lambda request: request.app.state.parts.callers))]

"""What every route works with: the composition root puts it into the app's state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from integration.tokens import Tokens
from shared.auth import Caller, caller_dependency
from shared.database import Database
from shared.egress import Network
from shared.pages import Place, read

_BEARER = HTTPBearer(auto_error=False, description="An access token from POST /oauth/token.")


@dataclass(frozen=True)
class Parts:
    """The service's parts; `nudge` wakes the relay after a commit."""

    database: Database
    tokens: Tokens
    nudge: Callable[[], None]
    links_topic: str
    allow_http: bool
    allowed_networks: tuple[Network, ...]


async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


GivenParts = Annotated[Parts, Depends(_parts)]


async def _caller(
    request: Request,
    parts: GivenParts,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
) -> Caller:
    return await caller_dependency(parts.tokens.find)(request, token)


GivenCaller = Annotated[Caller, Depends(_caller)]


async def _before(
    cursor: Annotated[
        str | None,
        Query(max_length=200, description="`next_cursor` of the page before; none: the first page."),
    ] = None,
) -> Place:
    return read(cursor)


GivenPlace = Annotated[Place, Depends(_before)]
Limit = Annotated[int, Query(ge=1, le=200, description="The most items a page holds.")]

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri",
            "description": "Names the kind of problem, for programs.",
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong and what to do, for people."},
        "errors": {
            "type": "array",
            "description": "With `invalid-request`: every field that is wrong.",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def problems(**kinds: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of a route's refusals: problem types, with `_` for `-`, each with its status."""
    named: dict[int, list[str]] = {}
    for kind, status in kinds.items():
        named.setdefault(status, []).append(f"`{kind.replace('_', '-')}`")
    return {
        status: {
            "description": "Problem " + ", ".join(names),
            "content": {"application/problem+json": {"schema": _PROBLEM}},
        }
        for status, names in named.items()
    }


EVERYWHERE = {
    **problems(unauthorized=401, forbidden=403, body_too_large=413, invalid_request=422),
    **problems(invalid_request=400, internal_error=500, unavailable=503),
}

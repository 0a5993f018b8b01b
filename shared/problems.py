"""What an OpenAPI document says of refusals: problem types, each with its status (RFC 9457)."""

from typing import Any

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

Answers = dict[int | str, dict[str, Any]]


def problems(**kinds: int) -> Answers:
    """A route's refusals: problem types, with `_` for `-`, each with its status."""
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


_ANYBODY = {
    **problems(body_too_large=413, invalid_request=422, internal_error=500, unavailable=503),
    **problems(invalid_request=400),
}
# What a route answers that anybody may call, and one that needs an access token.
OPEN: Answers = _ANYBODY
EVERYWHERE: Answers = {**_ANYBODY, **problems(unauthorized=401, forbidden=403)}

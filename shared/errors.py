"""The tree of failures: what will never work, what will later, and what a caller did wrong.

OrderdockError
├── UnreadableMessage   a message that can never work: it becomes a dead letter with this reason
├── SettingsWrong       the service can't start: it says why and exits 2
└── Problem             an API call that was refused: answered as problem+json (RFC 9457)
"""

from typing import Any


class OrderdockError(Exception):
    """Anything this project raises on purpose."""


class UnreadableMessage(OrderdockError):
    """A message that can never work; its text is the dead letter's reason."""


class SettingsWrong(OrderdockError):
    """The environment the service was started in is missing something or contradicts itself."""


class Problem(OrderdockError):
    """A refusal of one API call: a stable `type` name, an HTTP status and a sentence.

    `extra` members go into the problem document beside the standard ones.
    """

    def __init__(self, status: int, kind: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.extra = extra


def not_found(what: str) -> Problem:
    """The answer for what isn't there, and for what belongs to somebody else."""
    return Problem(404, "not-found", f"There is no such {what}.")


def forbidden(detail: str) -> Problem:
    """The answer for a caller who may see a thing but not do this to it."""
    return Problem(403, "forbidden", detail)

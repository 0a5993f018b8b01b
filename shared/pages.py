"""Cursor pages, newest first: where one ends and the next begins, whatever was added meanwhile."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from shared.errors import Problem

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Where something stands in a list that is ordered by age."""

    at: datetime
    id: str


START = Place(datetime(9999, 1, 1, tzinfo=UTC), "")


def cut(found: Sequence[T], limit: int, cursor: Callable[[T], str]) -> tuple[list[T], str | None]:
    """The page's `limit` items and the cursor of the next page, None on the last.

    `found` is one more than the page holds, if there are more.
    """
    items = list(found[:limit])
    return items, cursor(items[-1]) if len(found) > limit else None


def write(at: datetime, last: str) -> str:
    """The cursor of the page that follows this place."""
    return base64.urlsafe_b64encode(f"{at.isoformat()} {last}".encode()).decode()


def read(cursor: str | None) -> Place:
    """The place that a cursor means; raises the 422 problem if none of our pages gave it."""
    if cursor is None:
        return START
    try:
        at, _, last = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition(" ")
        return Place(datetime.fromisoformat(at).astimezone(UTC), last.replace("\0", ""))
    except (ValueError, OverflowError) as error:
        detail = "take it from `next_cursor` of the page before, as it is"
        errors = [{"field": "cursor", "detail": detail}]
        raise Problem(422, "invalid-request", f"cursor: {detail}", errors=errors) from error

"""How often something may be tried: so many times in each window, counted for each one who tries."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self

from shared.errors import Problem


@dataclass(frozen=True)
class RateLimit:
    """At most `most` tries by one subject in each window; `what` is named in the refusal."""

    name: str
    what: str
    most: int
    window: timedelta

    def times(self, factor: int) -> Self:
        """The limit of what may try so many times as often."""
        return replace(self, most=self.most * factor)

    def window_start(self, now: datetime) -> datetime:
        """When the window that holds `now` began; windows follow each other from 1970 on."""
        seconds = self.window.total_seconds()
        return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def require_room(limit: RateLimit, count: int, now: datetime) -> None:
    """Raises the 429 problem `too-many-requests` if this try is one too many (RFC 6585, 4)."""
    if count <= limit.most:
        return
    wait = max(1, round((limit.window_start(now) + limit.window - now).total_seconds()))
    raise Problem(
        429, "too-many-requests", f"Too many {limit.what}; try again in {wait} s.", retry_after=wait
    )

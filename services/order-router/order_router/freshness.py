"""Whether the router knows the links well enough to route: pure (DESIGN 4.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Place = tuple[str, int]  # topic, partition
MAX_AGE = 30.0  # seconds that a record of `links` may wait before orders do
CATCHING_UP = "the links are not applied up to where `links` ended at the start"
LAGGING = "the oldest record of `links` that is not applied yet is older than 30 s"


@dataclass(frozen=True)
class Observation:
    """Where `links` ended at a time (seconds of a monotonic clock)."""

    at: float
    ends: Mapping[Place, int]

    def is_applied(self, applied: Mapping[Place, int]) -> bool:
        return all(applied.get(place, 0) >= end for place, end in self.ends.items())


@dataclass(frozen=True)
class Freshness:
    """What was seen of `links` and isn't applied yet, oldest first; `caught_up` once the start's end was."""

    waiting: tuple[Observation, ...] = ()
    caught_up: bool = False
    seen_at: float = field(default=float("-inf"))

    def observe(self, seen: Observation, applied: Mapping[Place, int]) -> "Freshness":
        """After one more look at the ends of `links` and at what is applied."""
        if not seen.ends:
            return self
        observations = (*self.waiting, seen)
        caught_up = self.caught_up or observations[0].is_applied(applied)
        waiting = tuple(each for each in observations if not each.is_applied(applied))
        return Freshness(_thinned(waiting), caught_up, seen.at)

    def doubt(self, now: float) -> str | None:
        """Why no order may be routed now, or None."""
        if not self.caught_up:
            return CATCHING_UP
        oldest = min([each.at for each in self.waiting] + [self.seen_at])
        return LAGGING if now - oldest > MAX_AGE else None


def _thinned(waiting: tuple[Observation, ...]) -> tuple[Observation, ...]:
    """Only the oldest says how old; the newest is dropped while there are many."""
    return waiting if len(waiting) <= 100 else waiting[:-1]

"""How much goes to one endpoint at once: its concurrency, its rate, its circuit breaker (DESIGN 5.7)."""

from dataclasses import dataclass, replace
from typing import Literal

State = Literal["closed", "open", "half_open"]

# So many failures in a row open a breaker, or fewer that brought no answer in so many seconds together.
MOST_FAILURES = 20
MOST_SECONDS = 10.0
SHORTEST, LONGEST = 5.0, 120.0  # seconds that it stays open
JITTER = 0.1
BURST = 0.1  # seconds whose share of a rate may go at once


@dataclass(frozen=True, slots=True)
class Pace:
    """What an endpoint takes: so many requests at once, and so many a second (None: as many as come).

    So many `failures` in a row open its breaker.
    """

    concurrency: int
    rate: float | None = None
    failures: int = MOST_FAILURES


@dataclass(frozen=True, slots=True)
class Breaker:
    """Keeps an endpoint that fails from being called; half open, one call at a time tries it.

    `until` and every `now` are seconds since the epoch; `openings` and `failures` are counted in a row.
    """

    state: State = "closed"
    until: float = 0.0
    openings: int = 0
    failures: int = 0
    seconds: float = 0.0

    def at(self, now: float) -> "Breaker":
        """Half open once its time is over."""
        return replace(self, state="half_open") if self.state == "open" and now >= self.until else self

    def answered(
        self, well: bool, seconds: float, now: float, chance: float, most: int = MOST_FAILURES
    ) -> "Breaker":
        """After an answer, or `seconds` without one; `most` failures in a row open it.

        `chance` (0 to 1) keeps it open up to a tenth longer.
        """
        if well:
            return CLOSED
        failing = replace(self, failures=self.failures + 1, seconds=self.seconds + seconds)
        opens = failing.failures >= most or failing.seconds >= MOST_SECONDS
        if self.state == "half_open" or (self.state == "closed" and opens):
            wait = min(SHORTEST * 2 ** min(self.openings, 16), LONGEST) * (1 + JITTER * chance)
            return replace(failing, state="open", until=now + wait, openings=self.openings + 1)
        return failing


CLOSED = Breaker()


@dataclass(slots=True)
class Gate:
    """What may go to an endpoint now."""

    pace: Pace
    breaker: Breaker = CLOSED
    in_flight: int = 0
    tokens: float = 0.0
    filled_at: float = 0.0

    def room(self, now: float) -> int:
        """How many requests more may go."""
        self.breaker = self.breaker.at(now)
        if self.breaker.state == "open":
            return 0
        most = 1 if self.breaker.state == "half_open" else self.pace.concurrency
        room = most - self.in_flight
        if self.pace.rate is not None:
            self._fill(self.pace.rate, now)
            room = min(room, int(self.tokens))
        return max(room, 0)

    def opens_at(self, now: float) -> float | None:
        """When time alone makes room, if it is time that there is none for."""
        if self.breaker.state == "open":
            return self.breaker.until
        if self.pace.rate is not None and self.tokens < 1:
            return now + (1 - self.tokens) / self.pace.rate
        return None

    def sent(self, count: int) -> None:
        self.in_flight += count
        if self.pace.rate is not None:
            self.tokens -= count

    def answered(self, well: bool | None, seconds: float, now: float, chance: float) -> bool:
        """Whether the breaker opened or closed by it; `well` is None for what was not sent after all."""
        self.in_flight -= 1
        if well is None:
            return False
        before = self.breaker.state
        self.breaker = self.breaker.answered(well, seconds, now, chance, self.pace.failures)
        return self.breaker.state != before

    def idle(self, now: float) -> bool:
        """Whether a new gate would be the same."""
        if self.pace.rate is not None:
            self._fill(self.pace.rate, now)
            if self.tokens < burst(self.pace.rate):
                return False
        return self.in_flight == 0 and self.breaker == CLOSED

    def _fill(self, rate: float, now: float) -> None:
        self.tokens = min(self.tokens + rate * (now - self.filled_at), burst(rate))
        self.filled_at = now


def burst(rate: float) -> float:
    """How many may go at once at most, at a rate a second."""
    return max(1.0, rate * BURST)

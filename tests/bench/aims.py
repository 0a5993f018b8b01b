"""Two figures taken side by side, round by round: their ratio, and the aim that it must keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True)
class Aim:
    """What a ratio must be; an exact one may be off by the noise that `within` names.

    One that is only reported is held to nothing.
    """

    bound: Literal["at least", "at most", "exactly", "reported"]
    ratio: float = 0.0
    within: float = 0.0

    def holds(self, ratio: float) -> bool:
        if self.bound == "reported":
            return True
        if self.bound == "exactly":
            return abs(ratio - self.ratio) <= self.within
        return ratio >= self.ratio if self.bound == "at least" else ratio <= self.ratio

    def __str__(self) -> str:
        return self.bound if self.bound == "reported" else f"{self.bound} {self.ratio:g}"


REPORTED = Aim("reported")


@dataclass(frozen=True)
class Measure:
    """One measure: a round's pair is (ours, what it is held against), both in `unit`."""

    name: str
    against: str
    unit: str
    rounds: Sequence[tuple[float, float]]
    aim: Aim

    @property
    def ours(self) -> float:
        return median(ours for ours, _ in self.rounds)

    @property
    def others(self) -> float:
        return median(other for _, other in self.rounds)

    @property
    def ratios(self) -> Sequence[float]:
        """Of each round, in order of size."""
        return sorted(ours / other for ours, other in self.rounds)

    @property
    def ratio(self) -> float:
        """The median of the rounds' own ratios, so that what disturbs a round disturbs both its figures."""
        return median(self.ratios)

    @property
    def holds(self) -> bool:
        return self.aim.holds(self.ratio)

    @property
    def missed(self) -> str:
        """What to say of a ratio that misses its aim."""
        return (
            f"{self.name}, against {self.against}: the ratio of {self.unit} is {self.ratio:.2f} and must be"
            f" {self.aim}."
        )

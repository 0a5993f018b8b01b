"""A queue in memory, as the database would have it, and one process that serves it in turns."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from webhook_dispatcher.gates import CLOSED, Breaker, Pace
from webhook_dispatcher.turns import Look, Turns

DEADLINE, LEASE = 15.0, 20.0
MOST_STEPS = 500  # until nothing is left to do at one moment
ROUNDING = 1e-6


@dataclass
class Waiting:
    """A delivery that is not finished."""

    due_at: float
    leased_until: float | None = None


@dataclass
class Target:
    """An endpoint: what waits there, and what really is in flight there."""

    pace: Pace
    enabled: bool = True
    enablings: int = 0
    waiting: list[Waiting] = field(default_factory=list)
    in_flight: list[Waiting] = field(default_factory=list)
    breaker: Breaker = CLOSED
    sent: list[tuple[float, int]] = field(default_factory=list)

    def due(self, now: float) -> list[Waiting]:
        """What may be claimed."""
        free = [each for each in self.waiting if each.leased_until is None or each.leased_until <= now]
        return [each for each in free if each.due_at <= now]

    def look(self, now: float) -> Look:
        """What the database would say of it."""
        due = [max(each.due_at, each.leased_until or 0.0) for each in self.waiting]
        breaker = self.breaker.at(now)
        return Look(
            self.pace, breaker if breaker.state == "open" else CLOSED, min(due, default=None), self.enablings
        )


@dataclass(frozen=True)
class Unsettled:
    """A delivery whose answer came: it ends, or waits for so many seconds."""

    endpoint_id: str
    delivery: Waiting
    wait: float | None


@dataclass
class World:
    """Everything that happens happens here, in the order in which the worker does it."""

    targets: dict[str, Target]
    now: float
    turns: Turns = field(default_factory=Turns)
    served: set[str] = field(default_factory=set)
    always_served: bool = True
    unheard: set[str] = field(default_factory=set)
    unsettled: list[Unsettled] = field(default_factory=list)
    looking: tuple[Mapping[str, int], Mapping[str, Look]] | None = None
    claiming: tuple[Mapping[str, int], Mapping[str, list[Waiting]]] | None = None

    def __post_init__(self) -> None:
        self.served = set(self.targets)

    def put(self, endpoint_id: str, after: float) -> None:
        """A delivery is committed, due after some seconds; the process hasn't heard of it yet."""
        self.targets[endpoint_id].waiting.append(Waiting(self.now + after))
        self.unheard.add(endpoint_id)

    def hear(self) -> None:
        """What was committed is heard, of the endpoints that are served."""
        heard, self.unheard = self.unheard & self.served, set()
        self.turns.wake(heard, self.now)

    def begin_look(self) -> None:
        asked = self.turns.unseen()
        looks = {each: self.targets[each].look(self.now) for each in asked if self.targets[each].enabled}
        self.looking = (asked, looks)

    def end_look(self) -> None:
        assert self.looking is not None
        asked, looks = self.looking
        self.looking = None
        self.turns.seen(asked, looks, self.now)

    def begin_claim(self, free: int) -> None:
        wanted = self.turns.allot(free, self.now)
        assert sum(wanted.values()) <= free
        got = {}
        for endpoint_id, room in wanted.items():
            target = self.targets[endpoint_id]
            assert room <= target.pace.concurrency - len(target.in_flight), "more than its concurrency"
            got[endpoint_id] = target.due(self.now)[: room if target.enabled else 0]
            for each in got[endpoint_id]:
                each.leased_until = self.now + LEASE
            target.sent.append((self.now, len(got[endpoint_id])))
            shut = self.always_served and target.breaker.at(self.now).state == "open"
            assert not (shut and got[endpoint_id]), "past an open breaker"
        self.claiming = (wanted, got)

    def end_claim(self) -> bool:
        assert self.claiming is not None
        wanted, got = self.claiming
        self.claiming = None
        self.turns.claimed(wanted, Counter({each: len(found) for each, found in got.items()}), self.now)
        for endpoint_id, found in got.items():
            self.targets[endpoint_id].in_flight += found
        return any(got.values())

    def answer(self, endpoint_id: str, well: bool, seconds: float, wait: float | None) -> None:
        """The oldest call in flight is answered."""
        target = self.targets[endpoint_id]
        delivery = target.in_flight.pop(0)
        target.breaker = target.breaker.at(self.now).answered(well, seconds, self.now, 0.5)
        self.turns.answered(endpoint_id, well, seconds, self.now, 0.5)
        self.unsettled.append(Unsettled(endpoint_id, delivery, wait))

    def settle(self) -> None:
        """What was answered is committed, then the process puts back what waits."""
        group, self.unsettled = self.unsettled, []
        for each in group:
            each.delivery.leased_until = None
            if each.wait is None:
                self.targets[each.endpoint_id].waiting.remove(each.delivery)
            else:
                each.delivery.due_at = self.now + each.wait
        for each in group:
            if each.wait is not None:
                self.turns.due(each.endpoint_id, self.now + each.wait, self.now)

    def wait(self, seconds: float) -> None:
        """Time passes; no call takes longer than the deadline, and what was answered is settled in time."""
        self.now += seconds
        for endpoint_id, target in self.targets.items():
            while target.in_flight and (target.in_flight[0].leased_until or 0) - LEASE + DEADLINE <= self.now:
                self.answer(endpoint_id, False, DEADLINE, 5.0)
        self.settle()

    def enable(self, endpoint_id: str) -> None:
        """Somebody enables it; what waited is due."""
        target = self.targets[endpoint_id]
        target.enabled, target.enablings = True, target.enablings + 1
        for each in target.waiting:
            each.due_at = min(each.due_at, self.now)
        target.breaker = CLOSED
        self.unheard.add(endpoint_id)

    def disable(self, endpoint_id: str) -> None:
        self.targets[endpoint_id].enabled = False

    def serve(self, endpoint_ids: set[str]) -> None:
        """Other lanes than before; of those that are new, what waits is heard."""
        new = endpoint_ids - self.served
        self.served, self.always_served = endpoint_ids, False
        self.turns.keep(endpoint_ids.__contains__)
        self.turns.wake({each for each in new if self.targets[each].waiting}, self.now)

    def run(self, free: int = 100_000) -> None:
        """Looks and claims until there is no more to do at this moment; that never goes on and on."""
        for _ in range(MOST_STEPS):
            self.begin_look()
            self.end_look()
            self.begin_claim(free)
            if not self.end_claim() and not self.turns.has_unseen:
                return
        raise AssertionError("it never comes to rest")

    def overdue(self) -> list[str]:
        """The endpoints that could be sent to, and are not."""
        return [
            each
            for each in self.served
            if self.targets[each].due(self.now) and self._takes(self.targets[each])
        ]

    def rings_too_late(self) -> list[str]:
        """The endpoints that could be sent to before the next timer, and have none of their own."""
        rings_at = self.turns.next_at()
        until = self.now + LEASE / 2 if rings_at is None else rings_at - ROUNDING
        return [
            each for each in self.served if self.targets[each].due(until) and self._takes(self.targets[each])
        ]

    def _takes(self, target: Target) -> bool:
        return (
            target.enabled
            and target.pace.rate is None
            and target.breaker.state == "closed"
            and len(target.in_flight) < target.pace.concurrency
        )

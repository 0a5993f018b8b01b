"""Whose turn it is: endpoints with something due take turns, so that none waits for another (DESIGN 5.7)."""

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from webhook_dispatcher.gates import CLOSED, Breaker, Gate, Pace

# Of what is free an endpoint may have an eighth in flight, so that those that hang leave room for the others;
# and of all there is, those that answered badly last may have a quarter together, however many they are.
SHARE = 8
DOUBTED_SHARE = 4
NEAR = 2.0  # seconds; a timer that is farther rings at the whole second before, and is set anew
# Endpoints asked for in one claim, and those looked at in one look.
MOST_ASKED = 200
MOST_LOOKED_AT = 500
FRESH = 5.0  # seconds for which what is known of a busy endpoint holds
NEWS = 1.0  # and of one at which something new is due


class Look(NamedTuple):
    """What the database knows of an enabled endpoint: its pace, its breaker, and when it has something due.

    `due_at` (seconds since the epoch) is None if nothing waits there.
    """

    pace: Pace
    breaker: Breaker
    due_at: float | None
    enablings: int


@dataclass(slots=True)
class Turn:
    """What is known of one endpoint that has, or just had, something waiting."""

    gate: Gate | None = None
    due_at: float | None = None
    looked_at: float = 0.0
    enablings: int = 0
    wakes: int = 0
    ready: bool = False
    queued: bool = False
    timers: set[float] = field(default_factory=set)
    doubted: int = 0  # of what is in flight, what was sent while the last answer was a bad one


class Turns:
    """The endpoints that one process serves: who has something due, who has room, who comes next.

    Every `now` is in seconds since the epoch; `most` requests at once go to all endpoints together.
    """

    def __init__(self, most: int = 500) -> None:
        self._most_doubted = max(1, most // DOUBTED_SHARE)
        self._serves: Callable[[str], bool] = lambda _: True
        self._doubted = 0
        self._turns: dict[str, Turn] = {}
        self._ready: deque[tuple[str, Turn]] = deque()
        self._unseen: set[str] = set()
        self._timers: list[tuple[float, str]] = []

    def wake(self, endpoint_ids: Iterable[str], now: float) -> None:
        """Something may be due at these."""
        for endpoint_id in endpoint_ids:
            turn = self._turns.setdefault(endpoint_id, Turn())
            turn.wakes += 1
            turn.due_at = now
            if turn.gate is not None and (turn.gate.breaker != CLOSED or now > turn.looked_at + NEWS):
                self._unseen.add(endpoint_id)  # it may have been enabled again, or have a new pace
            self._make_ready(endpoint_id, turn, now)

    def due(self, endpoint_id: str, at: float, now: float) -> None:
        """Something will be due at an endpoint: it was just put back."""
        turn = self._turns.get(endpoint_id)
        if turn is not None and (turn.due_at is None or at < turn.due_at):
            turn.wakes += 1
            turn.due_at = at
            self._make_ready(endpoint_id, turn, now)

    def keep(self, serves: Callable[[str], bool]) -> None:
        """Gives up the endpoints that this process serves no longer, but for what is in flight to them."""
        self._serves = serves
        for endpoint_id, turn in list(self._turns.items()):
            if not self._serves(endpoint_id):
                self._give_up(endpoint_id, turn)

    def forget_idle(self, now: float) -> None:
        """Forgets the endpoints at which nothing waits, nothing happens, and nothing is to be remembered."""
        for endpoint_id, turn in list(self._turns.items()):
            if turn.due_at is None and not turn.ready and (turn.gate is None or turn.gate.idle(now)):
                del self._turns[endpoint_id]
                self._unseen.discard(endpoint_id)

    def unseen(self) -> dict[str, int]:
        """The endpoints to be looked at, with the wakes that had come: for `seen`."""
        asked = itertools.islice(self._unseen, MOST_LOOKED_AT)
        return {endpoint_id: self._turns[endpoint_id].wakes for endpoint_id in asked}

    def seen(self, asked: Mapping[str, int], looks: Mapping[str, Look], now: float) -> None:
        """What a look found; an endpoint that is not in it is disabled."""
        for endpoint_id, wakes in asked.items():
            turn = self._turns.get(endpoint_id)
            if turn is None:
                continue
            self._unseen.discard(endpoint_id)
            if not self._serves(endpoint_id):
                self._give_up(endpoint_id, turn)
                continue
            self._learn(turn, looks.get(endpoint_id), woken=turn.wakes != wakes, now=now)
            self._make_ready(endpoint_id, turn, now)

    def allot(self, free: int, now: float) -> dict[str, int]:
        """How many deliveries to claim for which endpoints, in turns; at most `free` together."""
        self._ring(now)
        asked: dict[str, int] = {}
        fair = max(1, free // max(1, min(len(self._ready), MOST_ASKED)))
        for _ in range(len(self._ready)):
            if free <= 0 or len(asked) == MOST_ASKED:
                break
            endpoint_id, turn = self._ready.popleft()
            turn.queued = False
            if turn.gate is None or not turn.ready or self._turns.get(endpoint_id) is not turn:
                continue
            most = min(fair, free, max(1, free // SHARE) - turn.gate.in_flight)
            if turn.gate.breaker.failures:
                most = min(most, self._most_doubted - self._doubted)
            room = min(turn.gate.room(now), most)
            if room > 0:
                asked[endpoint_id] = room
                self._sent(turn, room)
                free -= room
            self._requeue(endpoint_id, turn, now)
        return asked

    def claimed(self, asked: Mapping[str, int], got: Mapping[str, int], now: float) -> None:
        """What came of a claim: an endpoint with less than was asked for has nothing more that is due."""
        for endpoint_id, room in asked.items():
            turn, count = self._turns.get(endpoint_id), got.get(endpoint_id, 0)
            if turn is None or turn.gate is None:
                continue
            self._sent(turn, count - room)
            if not self._serves(endpoint_id):
                self._give_up(endpoint_id, turn)
                continue
            if count < room or turn.looked_at + FRESH < now:
                self._unseen.add(endpoint_id)
            if count < room:
                turn.ready = False

    def answered(
        self, endpoint_id: str, well: bool | None, seconds: float, now: float, chance: float
    ) -> Breaker | None:
        """An endpoint's breaker, if it opened or closed by an answer."""
        turn = self._turns.get(endpoint_id)
        if turn is None or turn.gate is None:
            return None
        self._doubt(turn, -1)
        changed = turn.gate.answered(well, seconds, now, chance)
        self._make_ready(endpoint_id, turn, now)
        return turn.gate.breaker if changed else None

    @property
    def has_unseen(self) -> bool:
        return bool(self._unseen)

    @property
    def any_ready(self) -> bool:
        return bool(self._ready)

    def next_at(self) -> float | None:
        """When time makes the next endpoint ready."""
        return self._timers[0][0] if self._timers else None

    def _learn(self, turn: Turn, look: Look | None, woken: bool, now: float) -> None:
        if not woken:
            turn.due_at = None if look is None else look.due_at
        if look is None:
            return
        turn.looked_at = now
        if turn.gate is None:
            turn.gate = Gate(look.pace, look.breaker, filled_at=now, tokens=_LOTS)
        elif turn.enablings != look.enablings:
            turn.gate.breaker = CLOSED
        turn.gate.pace, turn.enablings = look.pace, look.enablings

    def _make_ready(self, endpoint_id: str, turn: Turn, now: float) -> None:
        """Queues an endpoint at which something is due, or sets a timer for it."""
        if turn.ready or turn.due_at is None:
            return
        if turn.gate is None:
            self._unseen.add(endpoint_id)
        elif turn.due_at > now:
            self._set_timer(endpoint_id, turn, turn.due_at, now)
        else:
            turn.ready = True
            self._queue(endpoint_id, turn)

    def _requeue(self, endpoint_id: str, turn: Turn, now: float) -> None:
        """Where an endpoint goes whose turn it was: behind the others, or away until there is room again."""
        assert turn.gate is not None
        if turn.gate.room(now) > 0:
            self._queue(endpoint_id, turn)
            return
        turn.ready = False
        opens_at = turn.gate.opens_at(now)
        if opens_at is not None:
            self._set_timer(endpoint_id, turn, opens_at, now)

    def _queue(self, endpoint_id: str, turn: Turn) -> None:
        if not turn.queued:
            turn.queued = True
            self._ready.append((endpoint_id, turn))

    def _sent(self, turn: Turn, count: int) -> None:
        assert turn.gate is not None
        turn.gate.sent(count)
        if count < 0 or turn.gate.breaker.failures:
            self._doubt(turn, count)

    def _doubt(self, turn: Turn, count: int) -> None:
        changed = max(count, -turn.doubted)
        turn.doubted += changed
        self._doubted += changed

    def _give_up(self, endpoint_id: str, turn: Turn) -> None:
        turn.due_at, turn.ready = None, False
        self._unseen.discard(endpoint_id)
        if turn.gate is None or not turn.gate.in_flight:
            del self._turns[endpoint_id]

    def _set_timer(self, endpoint_id: str, turn: Turn, at: float, now: float) -> None:
        if now + NEAR < at < math.inf:
            at = float(math.floor(at))
        if at not in turn.timers:
            turn.timers.add(at)
            heapq.heappush(self._timers, (at, endpoint_id))

    def _ring(self, now: float) -> None:
        """Makes those ready whose time has come."""
        while self._timers and self._timers[0][0] <= now:
            at, endpoint_id = heapq.heappop(self._timers)
            if turn := self._turns.get(endpoint_id):
                turn.timers.discard(at)
                self._make_ready(endpoint_id, turn, now)


_LOTS = 1e9  # as many tokens as the burst of any rate

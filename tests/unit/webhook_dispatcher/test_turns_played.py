"""Whatever comes, no endpoint with something due is forgotten, and none gets more than it takes."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.unit.webhook_dispatcher.test_gates import assert_rate_kept
from tests.unit.webhook_dispatcher.turns_world import Target, World
from webhook_dispatcher.gates import LONGEST, Pace

T = 1_795_435_200.0
PACES = {"one": Pace(1), "three": Pace(3), "slow": Pace(9, rate=0.7), "fast": Pace(5, rate=40.0)}
ENDPOINTS = st.sampled_from(sorted(PACES))
QUICK = 0.01
MOST_ROUNDS = 400  # until a few deliveries went out, past open breakers and rates
A_DAY = 86_400.0


class Played(RuleBasedStateMachine):
    """One process and its queue; while it asks the database, anything may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World({name: Target(pace) for name, pace in PACES.items()}, T)

    @rule(
        endpoint_id=ENDPOINTS,
        after=st.sampled_from([0.0, 0.5, 3.0, 6.0, A_DAY]),
        count=st.integers(1, 4),
        heard=st.booleans(),
    )
    def put(self, endpoint_id: str, after: float, count: int, heard: bool) -> None:
        for _ in range(count):
            self.world.put(endpoint_id, after)
        if heard:
            self.world.hear()

    @rule()
    def hear(self) -> None:
        self.world.hear()

    @rule(free=st.integers(0, 20))
    def step(self, free: int) -> None:
        """The process looks, then claims; each is begun, and ends at a later step."""
        if self.world.looking:
            self.world.end_look()
            self.world.begin_claim(free)
        elif self.world.claiming:
            self.world.end_claim()
        else:
            self.world.begin_look()

    @rule(
        endpoint_id=ENDPOINTS,
        well=st.booleans(),
        seconds=st.sampled_from([QUICK, 9.0]),
        wait=st.sampled_from([None, 0.0, 3.0, 5.0, A_DAY]),
    )
    def answer(self, endpoint_id: str, well: bool, seconds: float, wait: float | None) -> None:
        if self.world.targets[endpoint_id].in_flight:
            self.world.answer(endpoint_id, well, seconds, wait)

    @rule()
    def settle(self) -> None:
        self.world.settle()

    @rule(seconds=st.sampled_from([0.001, 0.1, 1.0, 3.0, 6.0]))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    @rule(endpoint_id=ENDPOINTS, heard=st.booleans())
    def disable_or_enable(self, endpoint_id: str, heard: bool) -> None:
        if self.world.targets[endpoint_id].enabled:
            self.world.disable(endpoint_id)
        else:
            self.world.enable(endpoint_id)
        if heard:
            self.world.hear()

    @rule()
    def tidy(self) -> None:
        self.world.turns.forget_idle(self.world.now)

    @rule(endpoint_ids=st.sets(ENDPOINTS))
    def serve(self, endpoint_ids: set[str]) -> None:
        self.world.serve(endpoint_ids)

    @precondition(lambda self: not self.world.looking and not self.world.claiming)
    @rule()
    def come_to_rest(self) -> None:
        """With nothing unheard and unsettled, what can go has gone, and there is a timer for the rest."""
        self.world.hear()
        self.world.settle()
        self.world.run()
        assert self.world.overdue() == []
        assert self.world.rings_too_late() == []

    @invariant()
    def no_more_in_flight_than_it_takes(self) -> None:
        for target in self.world.targets.values():
            assert len(target.in_flight) <= target.pace.concurrency

    def teardown(self) -> None:
        """Everything else stops, every call is answered well: then all that waits goes out, in time."""
        self._end_what_is_begun()
        for endpoint_id, target in self.world.targets.items():
            if not target.enabled:
                self.world.enable(endpoint_id)
        self.world.serve(set(PACES))
        until = self.world.now + A_DAY + 60 * LONGEST
        for _ in range(MOST_ROUNDS):
            self.come_to_rest()
            if not self._answer_all():
                next_at = self.world.turns.next_at()
                if next_at is None:
                    break
                self.world.now = max(next_at, self.world.now + 0.001)
        assert [name for name, target in self.world.targets.items() if target.waiting] == []
        assert self.world.now <= until
        if self.world.always_served:
            for target in self.world.targets.values():
                assert_rate_kept(target.pace.rate, target.sent)

    def _end_what_is_begun(self) -> None:
        if self.world.looking:
            self.world.end_look()
        if self.world.claiming:
            self.world.end_claim()

    def _answer_all(self) -> bool:
        answered = False
        for endpoint_id, target in self.world.targets.items():
            while target.in_flight:
                self.world.answer(endpoint_id, well=True, seconds=QUICK, wait=None)
                answered = True
        return answered


TestWhateverComes = Played.TestCase
TestWhateverComes.settings = settings(
    max_examples=150, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

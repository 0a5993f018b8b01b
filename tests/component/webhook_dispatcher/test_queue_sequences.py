"""Adds, claims, settlings, new URLs, resends and enablings in any order, with transactions open meanwhile."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Coroutine, Iterator
from functools import partial
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, Phase
from hypothesis import settings as search
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.database import asyncpg_url
from tests.component.webhook_dispatcher.queue_acts import HeldDatabase
from tests.component.webhook_dispatcher.queue_world import QueueWorld
from tests.conftest import MakeDatabase
from tests.harness import PATIENCE

IS_LONG = os.environ.get("ORDERDOCK_HYPOTHESIS") == "long"
SEQUENCES, STEPS = (1000, 60) if IS_LONG else (40, 30)

HELD = st.sampled_from([0, 0, 1, 2, 3, 4, 5])
MEMBERS = st.integers(0, 1)
EVENTS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 1), st.integers(1, 6)),
    min_size=1,
    max_size=3,
)
STATUSES = st.lists(st.sampled_from([200, 200, 500, 422, 410]), min_size=1, max_size=4)


@pytest.fixture(autouse=True)
def only_errors() -> Iterator[None]:
    """Thousands of attempts would be logged."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.configure(**before)


@pytest.fixture
async def database(make_database: MakeDatabase) -> AsyncIterator[HeldDatabase]:
    database = HeldDatabase(asyncpg_url(make_database("webhook_dispatcher")))
    yield database
    await database.close()


class Sequences(RuleBasedStateMachine):
    """One queue, from empty to empty; runs in a thread beside the loop that its database belongs to."""

    def __init__(self, database: HeldDatabase, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop = loop
        self.world = QueueWorld(database)

    def run(self, doing: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(doing, self.loop).result(PATIENCE)

    @initialize()
    def begin(self) -> None:
        self.run(self.world.begin())

    @rule(partition=st.integers(0, 1), chosen=EVENTS, held=HELD)
    def add(self, partition: int, chosen: list[tuple[int, int, int, int]], held: int) -> None:
        self.run(self.world.add(partition, self.world.events(partition, chosen), held=held))

    @rule(link=st.integers(0, 1), url=st.sampled_from([0, 1, None]), held=HELD)
    def repoint(self, link: int, url: int | None, held: int) -> None:
        self.run(self.world.repoint(link, url, held=held))

    @rule(member=MEMBERS, room=st.integers(1, 3))
    def claim(self, member: int, room: int) -> None:
        self.run(self.world.claim(member, room))

    @rule(member=MEMBERS, statuses=STATUSES, held=HELD)
    def settle(self, member: int, statuses: list[int], held: int) -> None:
        self.run(self.world.settle(member, statuses, held=held))

    @rule(member=MEMBERS, statuses=STATUSES, held=HELD)
    def claim_and_settle(self, member: int, statuses: list[int], held: int) -> None:
        self.run(self.world.claim(member, 2))
        self.run(self.world.settle(member, statuses, held=held))

    @rule(index=st.integers(0, 20), held=HELD)
    def resend(self, index: int, held: int) -> None:
        self.run(self.world.resend(index, held=held))

    @rule(held=HELD)
    def enable(self, held: int) -> None:
        self.run(self.world.enable(held=held))

    @rule(held=HELD)
    def tidy(self, held: int) -> None:
        self.run(self.world.tidy(held=held))

    @rule(member=MEMBERS)
    def die(self, member: int) -> None:
        self.world.die(member)

    @rule()
    def let_leases_end(self) -> None:
        self.run(self.world.let_leases_end())

    @precondition(lambda self: self.world.acts.open)
    @rule(index=st.integers(0, 9))
    def commit(self, index: int) -> None:
        self.run(self.world.acts.end(index % len(self.world.acts.open)))

    @invariant()
    def holds(self) -> None:
        self.run(self.world.check())

    def teardown(self) -> None:
        self.run(self.world.end())
        assert self.world.acts.deadlocks == []


@pytest.mark.timeout(7200 if IS_LONG else 600)
async def test_whatever_is_done_to_a_queue_orders_keep_their_order_and_none_is_stuck(
    database: HeldDatabase,
) -> None:
    loop = asyncio.get_running_loop()
    settings = search(
        max_examples=SEQUENCES,
        stateful_step_count=STEPS,
        phases=(Phase.generate, Phase.shrink),
        deadline=None,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
    machine: Any = partial(Sequences, database, loop)
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=settings)

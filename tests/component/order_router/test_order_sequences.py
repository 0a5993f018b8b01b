"""Thousands of acts on orders, by two shops, two 3PLs and an operator, compared with a plain model."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as search
from hypothesis import strategies as st

from tests.component.order_router import order_acts
from tests.component.order_router.order_comparison import Difference
from tests.component.order_router.order_faults import EPOCH_OR_EQUAL, MORE, NO_FENCE, Fault
from tests.component.order_router.order_service import Service, serving
from tests.conftest import MakeDatabase
from tests.harness import PATIENCE, Tokens

IS_LONG = os.environ.get("ORDERDOCK_HYPOTHESIS") == "long"
SEQUENCES, SHORTEST, LONGEST = (3000, 10, 60) if IS_LONG else (60, 10, 30)
# Of the first ten sequences of a run Hypothesis makes no mutants, which would be five of six afterwards and
# find less than new ones do.
RUN = 10
# A planted fault is mostly found in a few sequences; chance may want more.
UNTIL_FOUND = 3000

EVENTS = ("assigned", "updated", "released", "shipment")
FAULTS = (NO_FENCE, EPOCH_OR_EQUAL)
FEW = 6  # acts that are left of a sequence once it was shrunk; one or three would do
MORE_FAULTS = MORE if IS_LONG else MORE[:4]

# The service draws chance in its own thread, which Hypothesis takes for the machine's.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")


@pytest.fixture(autouse=True)
def only_what_fails() -> Iterator[None]:
    """Thousands of acts would be logged."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture
async def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
async def database_url(make_database: MakeDatabase, tokens: Tokens) -> str:
    """A router's own database, which trusts the tokens."""
    url = make_database("order_router")
    await tokens.trust(url)
    return url


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Fault], str]:
    """Makes a faulty router that can be imported, and answers its package's name."""
    monkeypatch.syspath_prepend(tmp_path)
    return lambda fault: fault.plant(tmp_path)


async def driven(
    service: Service,
    drawn: st.SearchStrategy[list[order_acts.Act]],
    *phases: Phase,
    most: int = SEQUENCES,
) -> None:
    """Plays so many sequences, drawn in a thread beside the service; raises a difference, shrunk if asked."""
    loop = asyncio.get_running_loop()

    @search(
        max_examples=RUN,
        phases=(Phase.generate, *phases),
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=[*HealthCheck],
    )
    @given(drawn)
    def played(acts: list[order_acts.Act]) -> None:
        asyncio.run_coroutine_threadsafe(order_acts.play(service, acts), loop).result(PATIENCE)

    while service.counts["sequences"] < most:
        await asyncio.to_thread(played)


@pytest.mark.timeout(7200 if IS_LONG else 600)
async def test_whatever_is_done_to_orders_the_router_does_what_the_design_says(
    database_url: str, tokens: Tokens, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(database_url, tokens) as service:
        await driven(service, order_acts.sequences(SHORTEST, LONGEST), Phase.shrink)
    counts = service.counts
    told = ", ".join(f"{counts[event]} {event}" for event in EVENTS)
    with capsys.disabled():
        sys.stdout.write(f"\n{counts['sequences']} sequences of {counts['acts']} acts; events: {told}")
    assert [event for event in EVENTS if not counts[event]] == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_planted_in_the_router_is_found_and_told_in_few_acts(
    database_url: str, tokens: Tokens, plant: Callable[[Fault], str], fault: Fault
) -> None:
    drawn = order_acts.sequences(3, 12, with_fence=False)
    async with serving(database_url, tokens, plant(fault)) as service:
        with pytest.raises(Difference) as found:
            await driven(service, drawn, Phase.shrink, most=UNTIL_FOUND)
    assert len(found.value.acts) <= FEW


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", MORE_FAULTS, ids=lambda fault: fault.name)
async def test_other_planted_faults_are_found(
    database_url: str, tokens: Tokens, plant: Callable[[Fault], str], fault: Fault
) -> None:
    async with serving(database_url, tokens, plant(fault)) as service:
        with pytest.raises(Difference):
            await driven(service, order_acts.sequences(SHORTEST, LONGEST), most=UNTIL_FOUND)

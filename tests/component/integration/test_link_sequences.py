"""Thousands of acts on links, by two shops, two 3PLs and an operator, compared with a plain model."""

import asyncio
import logging
import os
import sys
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as search

from integration.app import Settings
from integration.lifecycle import LIFE
from tests.component.integration import link_acts
from tests.component.integration.link_comparison import Difference
from tests.component.integration.link_service import Service, serving
from tests.harness import PATIENCE, read_topic

IS_LONG = os.environ.get("ORDERDOCK_HYPOTHESIS") == "long"
SEQUENCES, SHORTEST, LONGEST = (5000, 8, 60) if IS_LONG else (500, 1, 10)

SIDES_ACTS = ("start", "activate", "deactivate", "delete", "change-settings", "change-rules", "set-plan")
INVITED_ACTS = ("attach", "decline", "resend", "withdraw")

# In these states, told by the switch of the side that acts and then the other's, a faulty life cycle lets it
# activate the link: the starter its own, and one whom the other side left. And the fewest acts that show it.
FAULTS = [
    ("pending  +-", ["start", "activate"]),
    ("inactive +-", ["start", "activate", "deactivate", "activate"]),
]

# The service draws chance in its own thread, which Hypothesis takes for the machine's.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")


@pytest.fixture(autouse=True)
def only_errors() -> Iterator[None]:
    """Thousands of acts would be logged; what fails in the service still is."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.configure(**before)


async def driven(service: Service, shortest: int = 1, longest: int = 10) -> None:
    """Plays sequences, drawn in a thread beside the service's; raises the shortest difference found."""
    loop = asyncio.get_running_loop()

    @search(
        max_examples=SEQUENCES,
        phases=(Phase.generate, Phase.shrink),
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(link_acts.sequences(shortest, longest))
    def played(acts: list[link_acts.Act]) -> None:
        asyncio.run_coroutine_threadsafe(link_acts.play(service, acts), loop).result(PATIENCE)

    await asyncio.to_thread(played)


@pytest.mark.timeout(7200 if IS_LONG else 600)
async def test_whatever_is_done_to_links_the_service_does_what_the_design_says(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(settings) as service:
        await driven(service, SHORTEST, LONGEST)
        records = await read_topic(settings.kafka_bootstrap_servers, service.parts.links_topic)
    counts = service.counts
    with capsys.disabled():
        sys.stdout.write(
            f"\n{counts['sequences']} sequences of {counts['acts']} acts, {len(records)} versions"
        )
    assert len(records) == counts["versions"]
    assert counts["sequences"] >= SEQUENCES
    assert [
        act
        for act in (*SIDES_ACTS, *INVITED_ACTS)
        if not (counts[f"{act} done"] and counts[f"{act} refused"])
    ] == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("state", "fewest"), FAULTS)
async def test_a_fault_planted_in_the_life_cycle_is_found_and_told_in_the_fewest_acts(
    settings: Settings, state: str, fewest: list[str]
) -> None:
    faulty = {**LIFE, state: {**LIFE[state], "activate": "active   ++"}}
    async with serving(settings, faulty) as service:
        with pytest.raises(Difference) as found:
            await driven(service)
    assert [each.split()[2] for each in found.value.acts] == fewest

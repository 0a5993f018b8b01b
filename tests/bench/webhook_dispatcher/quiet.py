"""On a quiet day: how soon a webhook arrives at a tenth of the highest rate, and what idling takes."""

import asyncio
import time

from tests.bench.aims import REPORTED, Aim, Measure
from tests.bench.webhook_dispatcher.place import Place
from tests.bench.webhook_dispatcher.steady import Pace, Teller

AIM = Aim("at most", 1)
SHARE = 0.1
SECONDS, IDLE_SECONDS = 10, 20
MOST_LATENCY, MOST_IDLE = 250, 1.0  # ms, percent of a core


async def measure(place: Place, teller: Teller, highest: float) -> list[Measure]:
    """`highest` is how many assignments a second become webhooks at most."""
    await place.arrivals.forget()
    pace = Pace(speed=highest * SHARE, seconds=SECONDS)
    await teller.tell(place.targets, "quiet", pace)
    p99 = (await place.delivered(pace.count)).p99 * 1000
    words = f"assignment to webhook, p99 at {pace.speed:.0f}/s"
    idle = await _idle(place)
    return [
        Measure(words, f"{MOST_LATENCY} ms, hoped for", "ms", [(p99, MOST_LATENCY)], REPORTED),
        Measure("an idle process", f"{MOST_IDLE:g} % of a core", "% of a core", [(idle, MOST_IDLE)], AIM),
    ]


async def _idle(place: Place) -> float:
    """The percentage of a core that the process takes while nothing happens."""
    before, began = place.dispatcher.cpu(), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    return (place.dispatcher.cpu() - before) / (time.monotonic() - began) * 100

"""How soon the healthy endpoints hear while a fifth of all hang, drip, flood or reset, against none."""

import itertools
from collections.abc import Sequence

from tests.bench.aims import Aim, Measure
from tests.bench.webhook_dispatcher import targets
from tests.bench.webhook_dispatcher.place import Place
from tests.bench.webhook_dispatcher.receiver import COUNTED, FAULTS
from tests.bench.webhook_dispatcher.steady import Pace, Teller

AIM = Aim("at most", 1.2)
ENDPOINTS, FAULTY = 100, 20
# Long enough for deadlines of 15 s to strike, and for breakers to open.
PACE = Pace(speed=300, seconds=17)
ROUNDS, ROUNDS_LONG = 3, 7
CALM, HANGING, MIXED = ("calm",), ("hang",), FAULTS
_CLEAR = "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries ORDER BY id FOR UPDATE)"


async def measure(place: Place, teller: Teller, long: bool) -> list[Measure]:
    """Each round has endpoints of its own, whose breakers are closed when it begins."""
    rounds = [await _round(place, teller, number) for number in range(ROUNDS_LONG if long else ROUNDS)]
    words = f"p99 to healthy endpoints, {FAULTY} of {ENDPOINTS}"
    hanging, mixed = [(hang, calm) for calm, hang, _ in rounds], [(mix, calm) for calm, _, mix in rounds]
    return [
        Measure(f"{words} hang", "with none", "ms", hanging, AIM),
        Measure(f"{words} hang, drip, flood, reset", "with none", "ms", mixed, AIM),
    ]


async def _round(place: Place, teller: Teller, number: int) -> list[float]:
    """The p99 (ms) with none that is faulty, with some that hang, with some of all faults."""
    kinds = CALM, HANGING, MIXED
    ordered = kinds if number % 2 else tuple(reversed(kinds))
    found = {each: await _p99(place, teller, each, f"{each[0]}-{len(each)}-{number}") for each in ordered}
    return [found[each] for each in kinds]


async def _p99(place: Place, teller: Teller, kinds: Sequence[str], name: str) -> float:
    """To the endpoints that are counted; the other ones are of these kinds in turns."""
    await place.arrivals.forget()
    made = targets.make(name, place.arrivals.ports, [*_spread(kinds)])
    await targets.store(place.dispatcher.database_url, place.dispatcher.keys, made)
    await teller.tell(made, name, PACE)
    counted = sum(f"/{COUNTED}/" in made[number % len(made)].url for number in range(PACE.count))
    arrived = await place.arrivals.wait(counted, place.dispatcher.look)
    await _clear(place)
    return arrived.p99 * 1000


def _spread(kinds: Sequence[str]) -> list[str]:
    """What each endpoint does: every fifth is one of these."""
    others, every = itertools.cycle(kinds), ENDPOINTS // FAULTY
    return [COUNTED if number % every else next(others) for number in range(ENDPOINTS)]


async def _clear(place: Place) -> None:
    """Ends what still hangs, and takes away what waits for another attempt."""
    await place.arrivals.mend()
    await place.database.execute(_CLEAR)
    await place.delivered(0)
    await place.arrivals.spoil()

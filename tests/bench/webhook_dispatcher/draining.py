"""What waits, sent and logged, against a bare loop that only sends; and retries against fresh deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.aims import Aim, Measure
from tests.bench.webhook_dispatcher.events import template
from tests.bench.webhook_dispatcher.place import Place
from tests.bench.worker import Worker

BARE_AIM, RETRIES_AIM = Aim("at least", 0.6), Aim("at least", 0.9)
COUNT, COUNT_LONG, ROUNDS = 20_000, 100_000, 3


@dataclass(frozen=True)
class BareLoop:
    """The bare loop's process; it sends to the targets of a place."""

    process: Worker
    place: Place

    async def send(self, count: int) -> tuple[float, float]:
        """Webhooks/s, and the CPU seconds of each."""
        targets = self.place.targets
        job = {
            "targets": [(each.url, each.secret) for each in targets],
            "body": template(targets[0]),
            "count": count,
        }
        await self.place.arrivals.forget()
        cpu = await self.process.do(job)
        return (await self.place.arrivals.wait(count)).speed, cpu / count


async def measure(place: Place, loop: BareLoop, long: bool) -> list[Measure]:
    """Each alone in its turn; what any does first, only warms it."""
    count = COUNT_LONG if long else COUNT
    rounds = [await _round(place, loop, count, number) for number in range(ROUNDS + 1)][1:]
    return [
        Measure(
            "deliveries sent and logged",
            "a bare loop that sends them",
            "deliveries/s",
            [(fresh, bare) for fresh, _, bare in rounds],
            BARE_AIM,
        ),
        Measure(
            f"{count:,} waiting retries",
            "as many fresh deliveries",
            "deliveries/s",
            [(retries, fresh) for fresh, retries, _ in rounds],
            RETRIES_AIM,
        ),
    ]


async def _round(place: Place, loop: BareLoop, count: int, number: int) -> Sequence[float]:
    """The deliveries/s of fresh ones, of retries and of the loop; who comes first, changes."""

    async def of(failures: int) -> float:
        return await place.drain(f"drained-{number}-{failures}", count if number else count // 4, failures)

    if number % 2:
        fresh, retries = await of(0), await of(1)
        return fresh, retries, (await loop.send(count))[0]
    bare, _ = await loop.send(count)
    retries = await of(1)
    return await of(0), retries, bare

"""From the assignment on Kafka to the webhook received: how many a second, and what CPU each takes."""

from tests.bench.aims import REPORTED, Measure
from tests.bench.order_router.backlog import Publisher
from tests.bench.order_router.growth import Topic
from tests.bench.webhook_dispatcher.draining import BareLoop
from tests.bench.webhook_dispatcher.place import Place

COUNT, ROUNDS = 10_000, 3
SPEED, CPU = 2500, 0.65  # deliveries/s and ms each that are hoped for on two cores
AGAINST = "a bare loop that sends them"


async def measure(place: Place, loop: BareLoop, publisher: Publisher, topic: Topic) -> list[Measure]:
    """The CPU is that of all processes: of the dispatcher, PostgreSQL and Kafka, or of the loop."""
    await place.work(publisher, topic, "warming", COUNT // 5)
    rounds = []
    for number in range(ROUNDS):
        work = await place.work(publisher, topic, f"assigned-{number}", COUNT)
        rounds.append((work, await loop.send(COUNT)))
    speeds = [(work.speed, speed) for work, (speed, _) in rounds]
    cpus = [(work.cpu * 1000, cpu * 1000) for work, (_, cpu) in rounds]
    return [
        Measure(f"assignment to webhook, {SPEED:,} hoped for", AGAINST, "deliveries/s", speeds, REPORTED),
        Measure(f"assignment to webhook, {CPU} hoped for", AGAINST, "ms of CPU", cpus, REPORTED),
    ]

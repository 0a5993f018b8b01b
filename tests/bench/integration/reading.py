"""Reading one link against a bare route that reads one row by its primary key."""

import asyncpg

from tests.bench.aims import Aim, Measure
from tests.bench.integration.load import Job, Load, Request

AIM = Aim("at least", 0.5)
LINKS = 1000  # each is read in its turn
ROUNDS, SECONDS = 9, 1.5
_SOME = "SELECT id FROM links WHERE threepl_id = $1 ORDER BY md5(id) LIMIT $2"


async def measure(
    load: Load, database_url: str, service: str, token: str, threepl: str, bare: str
) -> Measure:
    """The requests/s of both, in rounds that take turns, over the same links and as many connections."""
    connection = await asyncpg.connect(database_url)
    ids = [row["id"] for row in await connection.fetch(_SOME, threepl, LINKS)]
    await connection.close()
    ours = Job(service, [Request(f"/links/{each}", token) for each in ids], seconds=SECONDS)
    others = Job(bare, [Request(f"/{each}") for each in ids], seconds=SECONDS)
    for job in (ours, others):
        await load.do(job)  # connections to the database are made, statements prepared
    rounds = [(await _speed(load, ours), await _speed(load, others)) for _ in range(ROUNDS)]
    return Measure("read one link", "a bare route that reads one row", "requests/s", rounds, AIM)


async def _speed(load: Load, job: Job) -> float:
    answered = await load.do(job)
    return answered.count / answered.seconds

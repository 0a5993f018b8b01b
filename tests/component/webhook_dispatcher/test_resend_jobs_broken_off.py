"""Jobs that resend go on after any break, beside each other, and go back over nothing."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

import pytest

from shared.database import INDEXES_ONLY, Database, asyncpg_url
from tests.builders import account_id
from tests.component.webhook_dispatcher.jobs import finish, job_of, queued, resending, start
from tests.component.webhook_dispatcher.logged import (
    day_ago,
    log,
    make_endpoints,
    noon,
    rows,
    settle_refused,
)
from tests.conftest import MakeDatabase
from webhook_dispatcher.resending import STEP, Resent, resend
from webhook_dispatcher.store import finished as finished_store
from webhook_dispatcher.store.resends import Resend


@pytest.fixture
async def database_url(make_database: MakeDatabase) -> str:
    return asyncpg_url(make_database("webhook_dispatcher"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, planner=INDEXES_ONLY)
    await make_endpoints(database)
    yield database
    await database.close()


@dataclass
class Cut:
    """Awaits some work and cancels it at its suspension `at`; answers whether it came to its end before."""

    work: Coroutine[Any, Any, bool]
    at: int

    async def ran_through(self) -> bool:
        task = asyncio.create_task(self._run())
        await asyncio.wait([task])
        return not task.cancelled() and task.exception() is None

    async def _run(self) -> None:
        await self

    def __await__(self) -> Generator[Any, Any, None]:
        steps = self.work.__await__()
        thrown: BaseException | None = None
        for number in itertools.count(1):
            try:
                waits_for = next(steps) if thrown is None else steps.throw(thrown)
            except StopIteration:
                return
            task = asyncio.current_task()
            if number == self.at and task is not None:
                task.cancel()
            try:
                yield waits_for
                thrown = None
            except BaseException as error:
                thrown = error


async def seen_by_job(database: Database, job_id: str) -> tuple[list[int], list[int], Resend]:
    """The ids in the queue and those in the log, by day and id, and the job, all of one moment."""
    query = """
        SELECT (SELECT array_agg(id ORDER BY day, id) FROM deliveries) AS queued,
               (SELECT array_agg(id ORDER BY day, id) FROM finished) AS logged, resends.*
        FROM resends WHERE id = :id
    """
    [row] = await rows(database, query, id=job_id)
    values = dict(row._mapping)
    return values.pop("queued") or [], values.pop("logged") or [], Resend(**values)


async def test_cut_off_at_any_moment_it_goes_on_with_each_once_and_in_order(
    database: Database, database_url: str
) -> None:
    of_days = [await log(database, day_ago(number), STEP + 100) for number in (1, 3, 2)]
    in_order = of_days[1] + of_days[2] + of_days[0]
    job_id = await start(database, since=noon(day_ago(3)))
    cuts = 0
    more = True
    while more:
        for at in itertools.count(1):
            broken = Database(database_url, planner=INDEXES_ONLY)
            through = await Cut(resending(broken).step(), at).ran_through()
            await broken.close()
            queue, logged, job = await seen_by_job(database, job_id)
            assert (queue + logged, len(queue)) == (in_order, job.resent)
            if through:
                break
            cuts += 1
        more = job.state == "running"
    assert (job.state, job.resent, queue) == ("done", len(in_order), in_order)
    assert len(await rows(database, "SELECT delivery_id FROM attempts")) == len(in_order)
    assert cuts > 50


async def test_what_a_job_resent_and_was_refused_again_it_does_not_take_again(database: Database) -> None:
    ids = await log(database, day_ago(1), 2 * STEP + 10)
    job_id = await start(database)
    worker = resending(database)
    while await worker.step():
        await settle_refused(database)
    job = await job_of(database, job_id)
    ended = await rows(database, "SELECT id FROM finished WHERE attempts = 2 ORDER BY id")
    assert (job.state, job.resent) == ("done", len(ids))
    assert [row.id for row in ended] == ids


async def test_jobs_and_processes_at_once_resend_each_delivery_once(
    database: Database, database_url: str
) -> None:
    ids = [id_ for number in range(1, 5) for id_ in await log(database, day_ago(number), STEP + 200)]
    jobs = [await start(database) for _ in range(3)]
    others = [Database(database_url, planner=INDEXES_ONLY) for _ in range(3)]
    await asyncio.gather(*(finish(resending(each)) for each in others))
    await finish(resending(database))
    done = [await job_of(database, job_id) for job_id in jobs]
    for each in others:
        await each.close()
    assert await queued(database) == set(ids)
    assert [job.state for job in done] == ["done"] * 3
    assert sum(job.resent for job in done) == len(ids)
    assert len(await rows(database, "SELECT delivery_id FROM attempts")) == len(ids)


async def test_what_somebody_else_has_resent_meanwhile_is_left_however_it_ended(database: Database) -> None:
    [id_] = await log(database, day_ago(1))
    async with database.transaction() as connection:
        found = await finished_store.one(connection, f"msg_{id_}")
        assert found is not None
        await rows(database, "UPDATE finished SET status = 'delivered', finished_at = now()")
        assert await resend(connection, [found]) == Resent(queued=0, nowhere=0)
    assert await queued(database) == set()


async def test_a_long_job_keeps_no_other_waiting(database: Database) -> None:
    await log(database, day_ago(1), 3 * STEP)
    await log(database, day_ago(1), threepl_id=account_id("threepl", 2))
    today = {"since": noon(day_ago(1))}
    long = await start(database, **today)
    short = await start(database, **today, threepl_id=account_id("threepl", 2))
    worker = resending(database)
    for _ in range(4):
        await worker.step()
    states = [(await job_of(database, job_id)).state for job_id in (long, short)]
    assert states == ["running", "done"]

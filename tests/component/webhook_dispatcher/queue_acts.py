"""Transactions that stay open while others run: each stops where it is to, and goes on when it is told to."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

from shared.database import INDEXES_ONLY, Database, is_passing
from tests.harness import PATIENCE

DEADLOCK = "40P01"
MOST_OPEN = 5
# Who waits for a lock, and whether it waits for one that waits too, and so on: then it is a deadlock.
_WAITING = text(
    """
    WITH RECURSIVE waiting AS (
        SELECT pid, pg_blocking_pids(pid) AS by FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    ), ahead AS (
        SELECT pid, unnest(by) AS other FROM waiting
        UNION
        SELECT ahead.pid, unnest(by) FROM ahead JOIN waiting ON waiting.pid = other
    )
    SELECT (SELECT count(*) FROM waiting) AS waiting,
           (SELECT count(*) FROM waiting WHERE by = '{}') AS over,
           (SELECT count(*) FROM ahead WHERE pid = other) AS deadlocked
    """
)


@dataclass
class Act:
    """Something that is done in statements; it stops after the first `held` of them (0: nowhere)."""

    name: str
    do: Callable[[], Awaitable[None]]
    held: int
    statements: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def tell(self) -> None:
        """It may go on."""
        self.told.set()
        self.stopped.clear()

    async def executed(self) -> None:
        self.statements += 1
        if self.statements == self.held and not self.told.is_set():
            self.stopped.set()
            await self.told.wait()

    @property
    def running(self) -> bool:
        return self.task is not None and not self.task.done()


CURRENT: ContextVar[Act | None] = ContextVar("CURRENT", default=None)


def _executed(*_: object) -> None:
    if (act := CURRENT.get()) is not None:
        await_only(act.executed())


class HeldDatabase(Database):
    """A database on which an act stops after a statement, its transaction open, until it is told to go on."""

    def __init__(self, url: str) -> None:
        super().__init__(url, planner={**INDEXES_ONLY, "deadlock_timeout": "20ms"})
        event.listen(self.engine.sync_engine, "after_cursor_execute", _executed)


class Acts:
    """The acts that have begun. What a deadlock broke off is done again, as the service would do it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._acts: list[Act] = []
        self.deadlocks: list[str] = []

    @property
    def open(self) -> list[str]:
        """The names of those that have not ended."""
        return [act.name for act in self._acts]

    async def begin(self, name: str, do: Callable[[], Awaitable[None]], *, held: int) -> None:
        """Begins an act, and waits until it has ended, or is held, or waits for one that is.

        It is skipped while one of this name is open.
        """
        if name in self.open:
            return
        if len(self._acts) == MOST_OPEN:
            await self.end(0)
        act = Act(name, do, held)
        act.task = asyncio.create_task(self._run(act))
        self._acts.append(act)
        await self._come_to_rest()

    async def end(self, index: int) -> None:
        """Lets the act at an index end; those follow that waited for it, if they aren't held."""
        self._acts[index].tell()
        await self._come_to_rest()

    async def end_all(self) -> None:
        while self._acts:
            for act in self._acts:
                act.tell()
            await self._come_to_rest()

    async def _run(self, act: Act) -> None:
        CURRENT.set(act)
        while True:
            try:
                return await act.do()
            except DBAPIError as error:
                if not is_passing(error):
                    raise
                if getattr(error.orig, "sqlstate", None) == DEADLOCK:
                    self.deadlocks.append(f"{act.name} among {', '.join(sorted(self.open))}")

    async def _come_to_rest(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await self._at_rest():  # noqa: ASYNC110 (no event tells of locks)
                await asyncio.sleep(0)
        ended, self._acts = (
            [act for act in self._acts if not act.running],
            [act for act in self._acts if act.running],
        )
        for act in ended:
            assert act.task is not None
            act.task.result()

    async def _at_rest(self) -> bool:
        busy = [act for act in self._acts if act.running and not act.stopped.is_set()]
        if not busy:
            return True
        async with self._database.statement() as connection:
            row = (await connection.execute(_WAITING)).one()
        return row.waiting == len(busy) and not row.over and not row.deadlocked

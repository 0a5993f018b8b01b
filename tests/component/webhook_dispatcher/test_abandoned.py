"""The delivery path is abandoned at each of its suspensions in turn: nothing lost, doubled or overtaken."""

import asyncio
import itertools
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.assignments import ASSIGNED, UPDATED
from shared.database import INDEXES_ONLY, Database, asyncpg_url
from shared.kafka.records import Record
from tests.builders import NOW, assignment, assignment_message
from tests.component.webhook_dispatcher import arrivals
from tests.component.webhook_dispatcher.conftest import Receiver
from tests.component.webhook_dispatcher.mortal import Mortal
from tests.component.webhook_dispatcher.stepping import Stepped
from tests.conftest import MakeDatabase
from webhook_dispatcher.claims import Attempt, Claim
from webhook_dispatcher.exchange import Sender

# What is taken in at first, and what while this is in flight: each order's letter and an event's number.
FIRST = ("a1", "b1", "c1", "b2")
SECOND = ("a2", "c2", "b3")
# The answers to the first webhooks of an order; the others are taken.
ANSWERS = {"b": (500,), "c": (400,)}
FEWEST = 70  # suspensions that a path has at least which goes through all of this
PATIENCE = 3.0

_LOG = text("SELECT count(*) AS rows, count(DISTINCT webhook_id) AS ids FROM finished WHERE link_id = :link")


@dataclass(frozen=True)
class Lot:
    """What one path is to bring to the receiver: events of three orders, under a link of their own."""

    number: int
    receiver: Receiver

    def batches(self) -> tuple[list[Record], list[Record]]:
        records = [self._record(offset, each) for offset, each in enumerate(FIRST + SECOND)]
        return records[: len(FIRST)], records[len(FIRST) :]

    async def faults(self, watch: Database) -> list[str]:
        """What is wrong with what arrived, and with the log."""
        received = [each for each in self.receiver.received if each.path.startswith(f"/{self.number}/")]
        wanted = {(self._order(each), int(each[1])) for each in FIRST + SECOND}
        found = arrivals.faults(received, wanted)
        seen = [arrivals.event(each) for each in received]
        order = self._order("b1")
        if (order, 2) in seen and seen[: seen.index((order, 2))].count((order, 1)) < 2:
            found.append(f"{(order, 2)} didn't wait until {(order, 1)} was taken")
        async with watch.statement() as connection:
            log = (await connection.execute(_LOG, {"link": f"link-{self.number}"})).one()
        return found if log == (len(wanted),) * 2 else [*found, f"{log} in the log"]

    def _record(self, offset: int, named: str) -> Record:
        path = f"/{self.number}/{named[0]}"
        held = assignment(
            self._order(named),
            int(named[1]),
            link_id=f"link-{self.number}",
            settings={"webhook_url": self.receiver.url + path},
        )
        value = assignment_message(held, ASSIGNED if named[1] == "1" else UPDATED)
        offset += self.number * len(FIRST + SECOND)
        return Record("assignments", 0, offset, None, value, {}, NOW)

    def _order(self, named: str) -> str:
        return f"{self.number}-{named[0]}"


class Torn(Database):
    """A fault: each statement of a transaction is committed by itself."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self.statement() as connection:
            yield connection


class Renaming(Sender):
    """A fault: each attempt has an id of its own."""

    async def attempt(self, claim: Claim) -> Attempt:
        return await super().attempt(replace(claim, webhook_id=f"msg_{uuid.uuid4().hex}"))


@dataclass
class Graveyard:
    """Makes processes on one database, and keeps what was dropped of them until the test is over."""

    url: str
    receiver: Receiver
    watch: Database
    database: type[Database]
    sender: type[Sender]
    dead: list[tuple[Stepped, Mortal]] = field(default_factory=list)

    async def abandoned(self, last: int) -> tuple[Lot, bool]:
        """A lot whose path was dropped and finished by another process; whether it ended by itself."""
        lot = Lot(last, self.receiver)
        for order, statuses in ANSWERS.items():
            self.receiver.will_answer(f"/{last}/{order}", *statuses)
        batches = lot.batches()
        process = self._process()
        path = Stepped(process.deliver(*batches))
        self.dead.append((path, process))
        ended = await path.run(last)
        await process.die(self.watch)
        survivor = self._process()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await survivor.deliver(*batches)
        await survivor.close()
        return lot, ended

    async def until_fault(self, first: int = 1) -> list[str]:
        """The faults of the first lot that has any; none once a path ended by itself."""
        for last in itertools.count(first):
            lot, ended = await self.abandoned(last)
            if (found := await lot.faults(self.watch)) or ended:
                return found
        raise AssertionError

    async def clear_away(self) -> None:
        for path, process in self.dead:
            await path.clear_away()
            await process.close()
        await self.watch.close()

    def _process(self) -> Mortal:
        return Mortal(self.database(self.url, planner=INDEXES_ONLY), self.sender)


# Two processes for each of more than a hundred suspensions: among others that work it takes a while.
pytestmark = pytest.mark.timeout(600)

Dig = Callable[[type[Database], type[Sender]], Graveyard]


@pytest.fixture
async def dig(
    make_database: MakeDatabase, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Dig]:
    # Each process would load the authorities of TLS, of which there is none here, for longer than it lives.
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    monkeypatch.setenv("SSL_CERT_DIR", os.devnull)
    # Nobody is left to hear of what fails in a dead process.
    asyncio.get_running_loop().set_exception_handler(lambda _, __: None)
    url = asyncpg_url(make_database("webhook_dispatcher"))
    made: list[Graveyard] = []

    def make(database: type[Database], sender: type[Sender]) -> Graveyard:
        made.append(Graveyard(url, receiver, Database(url), database, sender))
        return made[-1]

    with structlog.testing.capture_logs():
        yield make
        for each in made:
            await each.clear_away()


async def test_whatever_the_suspension_that_a_path_is_abandoned_at_all_arrives_once_and_in_order(
    dig: Dig,
) -> None:
    graveyard = dig(Database, Sender)
    assert await graveyard.until_fault() == []
    suspensions = graveyard.dead[-1][0].suspensions
    # Every first webhook of one order comes again because it is answered 500.
    again = arrivals.repeats(graveyard.receiver.received) - len(graveyard.dead)
    print(f"{suspensions} suspensions, {again} webhooks came again")  # noqa: T201
    assert suspensions >= FEWEST
    assert again >= len(FIRST + SECOND)


@pytest.mark.parametrize(("database", "sender"), [(Torn, Sender), (Database, Renaming)])
async def test_a_fault_planted_in_the_path_is_found(
    dig: Dig, database: type[Database], sender: type[Sender]
) -> None:
    assert await dig(database, sender).until_fault(first=FEWEST) != []

"""A queue on a real database, two processes that send from it, and what must be true of it at any moment."""

import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from shared.contracts.assignments import UPDATED
from shared.encryption import KeyRing
from shared.kafka.batches import Batch
from shared.kafka.records import Record
from shared.telemetry import Metrics
from tests.builders import assignment, assignment_message, link_message
from tests.component.webhook_dispatcher.conftest import KEY
from tests.component.webhook_dispatcher.queue_acts import Acts, HeldDatabase
from webhook_dispatcher import resending, webhooks
from webhook_dispatcher.answers import Answer, judge
from webhook_dispatcher.claims import Attempt, Claim, Settlement
from webhook_dispatcher.handlers import Handlers, read_assignment
from webhook_dispatcher.settling import Settler
from webhook_dispatcher.store import deliveries as delivery_store
from webhook_dispatcher.store import endpoints as endpoint_store
from webhook_dispatcher.store import finished as finished_store
from webhook_dispatcher.store import queue

LINKS = ("link-1", "link-2")
PARTITIONS = (("1", "2"), ("3",))  # the orders of each partition of `assignments`
URLS = ("https://one.example/", "https://two.example/")
LEASE = 600.0

_TABLES = ("deliveries", "finished", "attempts", "resends", "endpoints", "links", "outbox")
_CLEAR = text(
    "WITH " + ", ".join(f"of_{each} AS (DELETE FROM {each})" for each in _TABLES[:-1]) + " DELETE FROM outbox"
)
_LET_GO = text(
    """
    UPDATE deliveries SET leased_until = now() WHERE id IN (
        SELECT id FROM deliveries WHERE lease IS NOT NULL FOR UPDATE SKIP LOCKED
    )
    """
)
# What may be claimed although an earlier one of its order is not finished.
_OUT_OF_TURN = """
    SELECT later.order_id || '/' || later.sequence AS said FROM deliveries AS later
    WHERE NOT behind AND NOT resent AND EXISTS (
        SELECT FROM deliveries AS earlier
        WHERE NOT earlier.resent AND earlier.sequence < later.sequence
          AND (earlier.link_id, earlier.order_id) = (later.link_id, later.order_id)
    )
"""
# The first of an order that waits for nothing, and can't be claimed.
_STUCK = """
    SELECT order_id || '/' || sequence AS said FROM deliveries AS first
    WHERE (behind OR (endpoint_id IS NULL AND lease IS NULL)) AND NOT EXISTS (
        SELECT FROM deliveries AS earlier
        WHERE NOT earlier.resent AND earlier.id < first.id
          AND (earlier.link_id, earlier.order_id) = (first.link_id, first.order_id)
    )
"""
# One whose end nobody will be told of, although another waits for it.
_UNFOLLOWED = """
    SELECT order_id || '/' || sequence AS said FROM deliveries AS earlier
    WHERE NOT followed AND NOT resent AND EXISTS (
        SELECT FROM deliveries AS later
        WHERE NOT later.resent AND later.id > earlier.id
          AND (earlier.link_id, earlier.order_id) = (later.link_id, later.order_id)
    )
"""
_MISCOUNTED = """
    SELECT webhook_id AS said FROM (
        SELECT webhook_id, id, attempts, 0 AS ending FROM deliveries
        UNION ALL
        SELECT webhook_id, id, attempts, CASE WHEN outcome IS NULL THEN 0 ELSE 1 END FROM finished
    ) AS each
    WHERE attempts <> ending + (SELECT count(*) FROM attempts WHERE delivery_id = each.id)
       OR attempts < ending + (SELECT coalesce(max(number), 0) FROM attempts WHERE delivery_id = each.id)
"""
_KNOWN = "SELECT webhook_id AS said FROM deliveries UNION ALL SELECT webhook_id FROM finished"
_WAITING = "SELECT webhook_id AS said FROM deliveries"
_ENDED = "SELECT webhook_id AS said FROM finished ORDER BY webhook_id"


@dataclass
class QueueWorld:
    """What may happen to a queue; `alive` are the processes that there are, with what each has in flight."""

    database: HeldDatabase
    acts: Acts = field(init=False)
    alive: dict[int, list[Claim]] = field(default_factory=lambda: {1: [], 2: []})
    known: set[str] = field(default_factory=set)
    _members: Any = field(default_factory=lambda: itertools.count(3))
    _sequences: Any = field(default_factory=lambda: itertools.count(1))
    _versions: Any = field(default_factory=lambda: itertools.count(2))

    def __post_init__(self) -> None:
        self.acts = Acts(self.database)
        metrics = Metrics("webhook-dispatcher")
        self._settler = Settler(self.database, "deliveries", timedelta(days=5), metrics)
        self._handlers = Handlers(KeyRing([SecretStr(KEY)]), timedelta(days=30))

    async def begin(self) -> None:
        """Forgets everything."""
        async with self.database.transaction() as connection:
            await connection.execute(_CLEAR)

    def events(self, partition: int, chosen: Sequence[tuple[int, int, int, int]]) -> list[Record]:
        """New events of a partition's orders: each by its order, link, URL and settings' version."""
        orders = PARTITIONS[partition]
        return [
            self._event(orders[order % len(orders)], LINKS[link], URLS[url], version)
            for order, link, url, version in chosen
        ]

    def _event(self, order_id: str, link_id: str, url: str, version: int) -> Record:
        held = assignment(
            order_id,
            next(self._sequences),
            link_id=link_id,
            settings={"webhook_url": url},
            settings_version=version,
        )
        value = assignment_message(held, UPDATED)
        return Record("assignments", 0, 0, b"", value, {}, datetime.now(UTC))

    async def add(self, partition: int, records: list[Record], *, held: int) -> None:
        """A batch of assignment events; of a partition one at a time."""
        read = [event for event in map(read_assignment, records) if event is not None]

        async def do() -> None:
            async with self.database.transaction() as connection:
                await self._handlers.on_assignments(Batch(connection, records))
            self.known |= {webhooks.webhook_id(each.id, each.assignment.link_id) for each in read}

        await self.acts.begin(f"add to {partition}", do, held=held)

    async def repoint(self, link: int, url: int | None, *, held: int) -> None:
        """A link's new state: its open orders' webhooks go to this URL, or nowhere."""
        version = next(self._versions)
        value = None if url is None else URLS[url]
        setting = {"webhook_url": {"value": value, "version": version}}
        message = link_message(
            id=LINKS[link], version=version, settings={"webhook_url": value}, open_settings=setting
        )
        record = Record("links", 0, 0, b"", message, {}, datetime.now(UTC))

        async def do() -> None:
            async with self.database.transaction() as connection:
                await self._handlers.on_links(Batch(connection, [record]))

        await self.acts.begin("repoint", do, held=held)

    async def claim(self, member: int, room: int) -> None:
        """A process claims so many for each endpoint."""
        holder = self._member(member)
        async with self.database.statement() as connection:
            endpoints = await endpoint_ids(connection)
            self.alive[holder] += await queue.claim(
                connection,
                dict.fromkeys(endpoints, room),
                lease=uuid.uuid4(),
                seconds=LEASE,
                holder=holder,
                alive=list(self.alive),
            )

    async def settle(self, member: int, statuses: Sequence[int], *, held: int) -> None:
        """The first of what a process has in flight are answered."""
        holder = self._member(member)
        claims, name = self.alive[holder], f"settle of {holder}"
        if name in self.acts.open:
            return
        group = [settlement(claim, status) for claim, status in zip(claims, statuses, strict=False)]
        del claims[: len(group)]

        async def do() -> None:
            if others := await self._settler.settle(group):
                await self._settler.settle_whole(others)

        if group:
            await self.acts.begin(name, do, held=held)

    async def resend(self, index: int, *, held: int) -> None:
        """Somebody sends a finished delivery again."""
        if not (ended := await self.said(_ENDED)):
            return
        webhook_id = ended[index % len(ended)]

        async def do() -> None:
            async with self.database.transaction() as connection:
                delivery = await finished_store.one(connection, webhook_id)
                await resending.resend(connection, [] if delivery is None else [delivery])

        await self.acts.begin("resend", do, held=held)

    async def enable(self, *, held: int) -> None:
        """Somebody enables all endpoints that are disabled."""

        async def do() -> None:
            async with self.database.transaction() as connection:
                endpoints = await endpoint_store.claim(connection, await endpoint_ids(connection))
                for each in endpoints.values():
                    if each.disabled:
                        await endpoint_store.enable(connection, each)

        await self.acts.begin("enable", do, held=held)

    async def tidy(self, *, held: int) -> None:
        async def do() -> None:
            async with self.database.transaction() as connection:
                await delivery_store.advance(connection, await queue.withdraw(connection))

        await self.acts.begin("tidy", do, held=held)

    def die(self, member: int) -> None:
        """A process is killed, and another one starts."""
        del self.alive[self._member(member)]
        self.alive[next(self._members)] = []

    async def let_leases_end(self) -> None:
        """All leases are over; who has them may still settle."""
        async with self.database.statement() as connection:
            await connection.execute(_LET_GO)

    async def check(self) -> None:
        """What must be true at any moment."""
        assert await self.said(_OUT_OF_TURN) == [], "claimable out of turn"
        assert await self.said(_MISCOUNTED) == [], "attempts that are not in the log"
        if not self.acts.open:
            assert await self.said(_STUCK) == [], "stuck"
            assert await self.said(_UNFOLLOWED) == [], "not followed"
            assert sorted(await self.said(_KNOWN)) == sorted(self.known), "lost, or there twice"

    async def end(self) -> None:
        """All transactions end, everything is enabled, every call is taken: then nothing waits any more."""
        await self.acts.end_all()
        for _ in range(2):
            self.die(0)
        await self.let_leases_end()
        for _ in range(len(self.known) + 1):
            await self.check()
            await self.enable(held=0)
            await self.tidy(held=0)
            await self.claim(0, 100)
            await self.settle(0, [200] * len(self.known), held=0)
        assert await self.said(_WAITING) == [], "never sent"

    async def said(self, query: str) -> list[str]:
        async with self.database.statement() as connection:
            return list((await connection.execute(text(query))).scalars())

    def _member(self, index: int) -> int:
        return list(self.alive)[index % len(self.alive)]


async def endpoint_ids(connection: Any) -> list[str]:
    return list((await connection.execute(text("SELECT id FROM endpoints ORDER BY id"))).scalars())


def settlement(claim: Claim, status: int) -> Settlement:
    """What becomes of a claim that was answered so; a failed one is due again at once."""
    now, answer = datetime.now(UTC), Answer(status)
    return Settlement(claim, judge(answer, claim.failures, (0.0, 0.0), 0.0, now), Attempt(now, 1, answer))

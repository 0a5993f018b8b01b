"""The clock came: due deliveries are claimed, sent with no transaction open, and settled in groups."""

import asyncio
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from shared.database import Database
from shared.loops import Loop
from shared.telemetry import Metrics
from webhook_dispatcher.answers import Verdict, judge
from webhook_dispatcher.claims import Attempt, Claim, Settlement
from webhook_dispatcher.exchange import Sender
from webhook_dispatcher.settling import Settler
from webhook_dispatcher.store import queue

log = structlog.get_logger()

# A lease outlives the deadline by this much: time to record a result before another process sends again.
LEASE_MARGIN = 5.0
MOST_SETTLED = 500
IDLE = 0.25
COUNT_EVERY = 15.0


@dataclass(frozen=True)
class Pace:
    """How many go out at once, how long one exchange may take, and the waits between attempts (seconds)."""

    concurrency: int
    deadline: float
    waits: Sequence[float]


class Dispatcher:
    """Keeps up to `pace.concurrency` deliveries in flight, from their claim to their settling.

    Run `loops`, nudge `claiming` when there is something new, and `drain` at the end.
    """

    def __init__(
        self, database: Database, sender: Sender, settler: Settler, pace: Pace, metrics: Metrics
    ) -> None:
        self.claiming = Loop("dispatch", self._claim_step, metrics, idle=IDLE)
        self._settling = Loop("settle", self._settle_step, metrics, idle=COUNT_EVERY)
        self.loops = (
            self.claiming,
            self._settling,
            Loop("count", self._count_step, metrics, idle=COUNT_EVERY),
        )
        self._database = database
        self._sender = sender
        self._settler = settler
        self._pace = pace
        self._more = False
        self._sending: set[asyncio.Task[None]] = set()
        self._unsettled: list[Settlement] = []
        self._in_flight = metrics.gauge("deliveries_in_flight", "Deliveries claimed and not settled yet")
        self._waiting = metrics.gauge("deliveries_waiting", "Deliveries not finished yet")

    @property
    def room(self) -> int:
        """How many more deliveries may be claimed."""
        return self._pace.concurrency - len(self._sending) - len(self._unsettled)

    async def drain(self, timeout: float) -> None:
        """Waits for what is in flight, at most `timeout` seconds, and settles it.

        What can't be settled is sent again, by whoever finds its lease run out.
        """
        if self._sending:
            await asyncio.wait(self._sending, timeout=timeout)
        for task in self._sending:
            task.cancel()
        try:
            while self._unsettled:
                await self._settle_step()
        except Exception as error:
            log.warning("dispatch.unsettled", deliveries=len(self._unsettled), exc_info=error)

    async def _claim_step(self) -> bool:
        room = self.room
        if room <= 0:
            return False
        async with self._database.transaction() as connection:
            lease = self._pace.deadline + LEASE_MARGIN
            claims = await queue.claim(connection, room, uuid.uuid4(), lease)
        for claim in claims:
            task = asyncio.create_task(self._send(claim))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        self._more = len(claims) == room
        self._in_flight.set(self._pace.concurrency - self.room)
        return False

    async def _send(self, claim: Claim) -> None:
        self._unsettled.append(await self._result(claim))
        self._settling.nudge()

    async def _result(self, claim: Claim) -> Settlement:
        if claim.url is None or claim.secret is None:
            return Settlement(claim, Verdict("withdrawn", "withdrawn", claim.failures), None)
        if claim.disabled:
            return Settlement(claim, Verdict("held", "waiting", claim.failures, None), None)
        attempt = await self._sender.attempt(claim, claim.url, claim.secret)
        return Settlement(claim, self._judge(claim, attempt), attempt)

    def _judge(self, claim: Claim, attempt: Attempt) -> Verdict:
        chance = random.random()  # noqa: S311 (only spreads retries)
        return judge(attempt.answer, claim.failures, self._pace.waits, chance, datetime.now(UTC))

    async def _settle_step(self) -> bool:
        group = self._unsettled[:MOST_SETTLED]
        if not group:
            return False
        freed = await self._settler.settle(group)
        del self._unsettled[: len(group)]
        self._in_flight.set(self._pace.concurrency - self.room)
        if freed or (self._more and self.room >= self._pace.concurrency // 4):
            self.claiming.nudge()
        return bool(self._unsettled)

    async def _count_step(self) -> bool:
        async with self._database.transaction() as connection:
            self._waiting.set(await queue.waiting(connection))
        return False

"""The clock came: due deliveries are claimed in turns, sent with no transaction open, settled in groups."""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from shared.database import Database, is_passing, is_unready
from shared.loops import Loop
from shared.telemetry import Metrics
from webhook_dispatcher.answers import judge
from webhook_dispatcher.claims import Claim, Settlement
from webhook_dispatcher.exchange import Sender
from webhook_dispatcher.gates import Breaker, Pace
from webhook_dispatcher.lanes import Lanes
from webhook_dispatcher.settling import Settler
from webhook_dispatcher.store import deliveries as delivery_store
from webhook_dispatcher.store import endpoints as endpoint_store
from webhook_dispatcher.store import queue
from webhook_dispatcher.turns import Turns
from webhook_dispatcher.webhooks import TEST

log = structlog.get_logger()

# A lease outlives the deadline by this much: time to record a result before another process sends again.
LEASE_MARGIN = 5.0
MOST_SETTLED = 500
IDLE = 60.0
TIDY_EVERY = 15.0
# While less than a quarter is free, claims are this far apart (seconds), so that each brings many.
APART = 0.02


@dataclass(frozen=True)
class Limits:
    """How many go out at once, how long one exchange may take (seconds), what an endpoint usually takes."""

    concurrency: int
    deadline: float
    waits: Sequence[float]
    usual: Pace


class Dispatcher:
    """Keeps up to `limits.concurrency` deliveries in flight, from their claim to their settling.

    Run `loops`, and `drain` at the end. What is due for which endpoint it hears through its lanes; it calls
    `announced` once something is in the outbox.
    """

    def __init__(
        self,
        database: Database,
        sender: Sender,
        settler: Settler,
        limits: Limits,
        metrics: Metrics,
        announced: Callable[[], None],
    ) -> None:
        self.claiming = Loop("dispatch", self._claim_step, metrics, idle=self._until_due)
        self._settling = Loop("settle", self._settle_step, metrics, idle=IDLE)
        self._lanes = Lanes(database, self._woken, self._kept, metrics)
        self._turns = Turns(limits.concurrency)
        self.loops = (
            self._lanes.loop,
            self.claiming,
            self._settling,
            Loop("tidy", self._tidy_step, metrics, idle=TIDY_EVERY),
        )
        self._database = database
        self._sender = sender
        self._settler = settler
        self._limits = limits
        self._announced = announced
        self._claimed_at = 0.0
        self._sending: set[asyncio.Task[None]] = set()
        self._unsettled: list[Settlement] = []
        self._breakers: dict[str, Breaker] = {}
        self._in_flight = metrics.gauge("deliveries_in_flight", "Deliveries claimed and not settled yet")
        self._waiting = metrics.gauge("deliveries_waiting", "Deliveries not finished yet")

    @property
    def room(self) -> int:
        """How many more deliveries may be claimed."""
        return self._limits.concurrency - len(self._sending) - len(self._unsettled)

    async def drain(self, timeout: float) -> None:
        """Waits for what is in flight, at most `timeout` seconds, settles it, and lets go of the lanes.

        What can't be settled is sent again, by whoever serves its lane next.
        """
        try:
            async with asyncio.timeout(timeout):
                while self._sending or self._unsettled:
                    if self._sending and not self._unsettled:
                        await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
                    await self._settle_step()
        except Exception as error:
            log.warning("dispatch.unsettled", deliveries=len(self._unsettled), exc_info=error)
        for task in self._sending:
            task.cancel()
        await self._lanes.close()

    async def _claim_step(self) -> bool:
        now = time.time()
        await self._look(now)
        if self._too_soon(now):
            return False
        claims = await self._claim(now)
        for claim in claims:
            task = asyncio.create_task(self._send(claim))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        self._in_flight.set(self._limits.concurrency - self.room)
        return bool(claims)

    async def _look(self, now: float) -> None:
        """Learns what it must know of endpoints before it goes on with them."""
        if asked := self._turns.unseen():
            async with self._database.statement() as connection:
                usual, alive = self._limits.usual, self._lanes.alive
                looks = await endpoint_store.look(connection, asked, usual, alive, now)
            self._turns.seen(asked, looks, time.time())

    async def _claim(self, now: float) -> list[Claim]:
        wanted = self._turns.allot(self.room, now)
        claims: list[Claim] = []
        if not wanted:
            return claims
        try:
            async with self._database.statement() as connection:
                claims = await queue.claim(
                    connection,
                    wanted,
                    lease=uuid.uuid4(),
                    seconds=self._limits.deadline + LEASE_MARGIN,
                    holder=self._lanes.member,
                    alive=self._lanes.alive,
                )
        finally:
            self._claimed_at = time.time()
            self._turns.claimed(wanted, Counter(claim.endpoint_id for claim in claims), self._claimed_at)
        return claims

    async def _send(self, claim: Claim) -> None:
        try:
            attempt = await self._sender.attempt(claim)
        except Exception as error:
            # Nobody knows of such a one: its lease runs out.
            log.error("delivery.not-attempted", webhook_id=claim.webhook_id, exc_info=error)
            self._turns.answered(claim.endpoint_id, None, 0.0, time.time(), 0.0)
            return
        now, chance = datetime.now(UTC), random.random()  # noqa: S311 (only spreads retries)
        waits = () if claim.type == TEST else claim.retry_schedule or self._limits.waits
        verdict = judge(attempt.answer, claim.failures, waits, chance, now)
        in_vain = attempt.duration_ms / 1000 if attempt.answer.error else 0.0
        self._answered(claim.endpoint_id, verdict.well, in_vain, chance)
        self._unsettled.append(Settlement(claim, verdict, attempt))
        self._settling.nudge()

    def _answered(self, endpoint_id: str, well: bool, in_vain: float, chance: float) -> None:
        breaker = self._turns.answered(endpoint_id, well, in_vain, time.time(), chance)
        if breaker is not None:
            self._breakers[endpoint_id] = breaker
            log.info("breaker.changed", endpoint_id=endpoint_id, breaker=breaker.state, until=breaker.until)

    async def _settle_step(self) -> bool:
        group = self._unsettled[:MOST_SETTLED]
        if not group:
            return False
        try:
            await self._record(group)
        except Exception as error:
            if is_passing(error) or is_unready(error):
                raise
            await self._record_each(self._unsettled[:MOST_SETTLED])
        self._settled(group)
        await self._show_breakers()
        return bool(self._unsettled)

    async def _record(self, group: Sequence[Settlement]) -> None:
        """Takes out of what is unsettled what it records, which is at the beginning."""
        others = await self._settler.settle(group)
        self._unsettled[: len(group)] = others
        if others:
            if await self._settler.settle_whole(others):
                self._announced()
            del self._unsettled[: len(others)]

    async def _record_each(self, group: Sequence[Settlement]) -> None:
        """One by one, so that one that can't be recorded keeps no other: its lease runs out."""
        for each in group:
            try:
                await self._record([each])
            except Exception as error:
                if is_passing(error) or is_unready(error):
                    raise
                log.error("delivery.not-recorded", webhook_id=each.claim.webhook_id, exc_info=error)
                self._unsettled.remove(each)

    def _settled(self, group: Sequence[Settlement]) -> None:
        """There is room again, and what failed will be due."""
        now = time.time()
        self._in_flight.set(self._limits.concurrency - self.room)
        self.claiming.nudge()
        for each in group:
            if each.verdict.status == "waiting" and self._lanes.serves(each.claim.endpoint_id):
                self._turns.due(each.claim.endpoint_id, now + each.verdict.wait, now)

    async def _show_breakers(self) -> None:
        if self._breakers:
            breakers, self._breakers = self._breakers, {}
            async with self._database.statement() as connection:
                await endpoint_store.save_breakers(connection, breakers)

    async def _tidy_step(self) -> bool:
        self._turns.forget_idle(time.time())
        async with self._database.transaction() as connection:
            await delivery_store.advance(connection, await queue.withdraw(connection))
        async with self._database.statement() as connection:
            self._waiting.set(await queue.waiting(connection))
        return False

    def _too_soon(self, now: float) -> bool:
        return self.room < self._limits.concurrency // 4 and now < self._claimed_at + APART

    def _until_due(self) -> float:
        """Seconds until the next step, if nobody nudges."""
        now = time.time()
        if self._turns.has_unseen or (self._turns.any_ready and self._too_soon(now)):
            return APART
        next_at = self._turns.next_at()
        return IDLE if next_at is None else min(max(next_at - now, 0.001), IDLE)

    def _woken(self, endpoint_ids: Collection[str]) -> None:
        self._turns.wake(endpoint_ids, time.time())
        self.claiming.nudge()

    def _kept(self) -> None:
        self._turns.keep(self._lanes.serves)

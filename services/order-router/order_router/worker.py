"""The clock came: orders that no event claims are brought up to their links and the time, some at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.announcements import log_outcomes
from order_router.lifecycle import bring_up
from order_router.orders import Outcome, StoredOrder
from order_router.recording import record, utc_day
from order_router.store import link_days
from order_router.store import links as link_store
from order_router.store import orders as order_store
from shared import outbox
from shared.contracts.links import Link
from shared.database import Database
from shared.kafka.relay import Relay

STEP = 500  # orders a transaction
# A link's many orders wait while so many messages do: new orders' own would stand behind theirs.
MOST_WAITING = 1000
DAYS_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class LinkFollower:
    """Brings a link's open orders up to it: back to the shop, or under its open settings."""

    database: Database
    relay: Relay
    assignments_topic: str

    async def step(self) -> bool:
        """One link, at most `STEP` orders; answers whether there may be more at once."""
        async with self.database.transaction() as connection:
            link_id = await link_store.unsettled(connection)
            if link_id is None or await outbox.waits(connection, MOST_WAITING):
                return False
        async with self.database.transaction() as connection:
            known = await link_store.one(connection, link_id)
            orders = await order_store.claim_behind(connection, known, STEP)
            settled = not orders and await self._settle(connection, known)
            outcomes = await _brought_up(connection, orders, self.assignments_topic)
        log_outcomes(outcomes)
        if outcomes:
            self.relay.nudge()
        # Neither: somebody holds the orders that are left, and brings them up.
        return bool(outcomes) or settled

    async def _settle(self, connection: AsyncConnection, link: Link) -> bool:
        """Whoever assigned under an older state of this link had committed before it was applied."""
        if await order_store.any_behind(connection, link):
            return False
        await link_store.settle(connection, link)
        return True


@dataclass(frozen=True)
class Lapser:
    """Ends the requests that nobody answered in time, and forgets the counts of days that are over."""

    database: Database
    relay: Relay
    assignments_topic: str

    async def step(self) -> bool:
        """At most `STEP` orders; answers whether there may be more."""
        now = datetime.now(UTC)
        async with self.database.transaction() as connection:
            orders = await order_store.claim_lapsing(connection, now, STEP)
            outcomes = await _brought_up(connection, orders, self.assignments_topic)
            await link_days.forget(connection, utc_day(now - DAYS_KEPT))
        log_outcomes(outcomes)
        if outcomes:
            self.relay.nudge()
        return len(orders) == STEP


async def _brought_up(
    connection: AsyncConnection, orders: Sequence[StoredOrder], topic: str
) -> list[Outcome]:
    """Holds the links of the claimed orders, decides, saves, announces."""
    if not orders:
        return []
    links = await link_store.some(
        connection, {_held_by(order) for order in orders}, {order.shop_id for order in orders}
    )
    now = datetime.now(UTC)
    before = {(order.shop_id, order.order_id): order for order in orders}
    decided = [bring_up(order, links.get(_held_by(order)), now) for order in orders]
    return await record(connection, before, decided, topic, now)


def _held_by(order: StoredOrder) -> str:
    assert order.holding is not None, "only who holds an order lags behind, or is asked for it"
    return order.holding.link_id

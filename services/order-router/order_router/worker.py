"""The clock came: open orders that no event claims are brought up to their links, some at a time."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.announcements import log_announcements, messages
from order_router.lifecycle import Announcement, bring_up
from order_router.store import links as link_store
from order_router.store import orders as order_store
from shared import outbox
from shared.contracts.links import Link
from shared.database import Database
from shared.kafka.relay import Relay

STEP = 500  # orders a transaction


@dataclass(frozen=True)
class LinkFollower:
    """Brings a link's open orders up to it: back to the shop, or under its open settings."""

    database: Database
    relay: Relay
    assignments_topic: str

    async def step(self) -> bool:
        """One link, at most `STEP` orders; answers whether there may be more."""
        async with self.database.transaction() as connection:
            link_id = await link_store.unsettled(connection)
        if link_id is None:
            return False
        async with self.database.transaction() as connection:
            announcements = await self._follow(connection, link_id)
        log_announcements(announcements)
        self.relay.nudge()
        return True

    async def _follow(self, connection: AsyncConnection, link_id: str) -> list[Announcement]:
        """Claims orders before it holds the link, as everybody does."""
        known = await link_store.one(connection, link_id)
        orders = await order_store.claim_behind(connection, known, STEP)
        if not orders:
            await self._settle(connection, known)
            return []
        link = await link_store.one(connection, link_id, hold=True)
        outcomes = [bring_up(order, link) for order in orders]
        await order_store.save(connection, [outcome.order for outcome in outcomes])
        announcements = [each for outcome in outcomes for each in outcome.announcements]
        await outbox.add(connection, messages(announcements, self.assignments_topic, datetime.now(UTC)))
        return announcements

    async def _settle(self, connection: AsyncConnection, link: Link) -> None:
        """Whoever assigned under an older state of this link had committed before it was applied."""
        if not await order_store.any_behind(connection, link):
            await link_store.settle(connection, link)

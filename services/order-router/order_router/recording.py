"""What became of orders is saved with its history, counted and announced, in the caller's transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.announcements import messages
from order_router.orders import Outcome, StoredOrder
from order_router.store import history, link_days
from order_router.store import orders as order_store
from order_router.store.orders import Key
from shared import outbox


async def record(
    connection: AsyncConnection,
    before: Mapping[Key, StoredOrder],
    outcomes: Iterable[Outcome],
    topic: str,
    now: datetime,
) -> list[Outcome]:
    """Writes what changed of the claimed orders `before`, and answers those outcomes.

    Who calls it logs them once the transaction is committed.
    """
    changed = [each for each in outcomes if each.order is not before[_key(each.order)]]
    await order_store.save(connection, [outcome.order for outcome in changed])
    await history.add(connection, changed, now)
    await outbox.add(connection, messages(changed, topic, now))
    await link_days.count(connection, first_assigned(before, changed), utc_day(now))
    return changed


def first_assigned(before: Mapping[Key, StoredOrder], outcomes: Sequence[Outcome]) -> Counter[str]:
    """How many orders went under each link for the first time."""
    return Counter(
        link_id
        for outcome in outcomes
        for link_id in outcome.order.assigned_links - before[_key(outcome.order)].assigned_links
    )


def utc_day(now: datetime) -> date:
    """The day that counts at this moment."""
    return now.astimezone(UTC).date()


def _key(order: StoredOrder) -> Key:
    return order.shop_id, order.order_id

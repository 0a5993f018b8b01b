"""Test events in the queue: nothing waits for one, it waits for nothing, no settings send it elsewhere."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from webhook_dispatcher.store.wakes import wake
from webhook_dispatcher.webhooks import TEST

# No settings of its link are newer than these.
_SETTINGS_VERSION = 2**63 - 1
_WAITING = text(
    """
    SELECT count(*) FROM deliveries
    WHERE link_id = :link_id AND shop_id = :shop_id AND order_id IS NULL AND endpoint_id = :endpoint_id
      AND type = :type AND NOT behind
    """
)
_ADD = text(
    """
    INSERT INTO deliveries (webhook_id, endpoint_id, link_id, threepl_id, shop_id, sequence, type, day,
                            event_time, settings_version, body, behind, resent)
    VALUES (:webhook_id, :endpoint_id, :link_id, :threepl_id, :shop_id, 0, :type, :day, :time,
            :settings_version, :body, false, true)
    """
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a test event goes. A link may have no shop yet: then `shop_id` is empty."""

    endpoint_id: str
    link_id: str
    threepl_id: str
    shop_id: str


async def waiting(connection: AsyncConnection, target: Target) -> int:
    """How many test events wait for an endpoint."""
    return int((await connection.execute(_WAITING, {**asdict(target), "type": TEST})).scalar_one())


async def add(
    connection: AsyncConnection, target: Target, webhook_id: str, body: bytes, time: datetime
) -> None:
    """Puts a test event of that time into the queue, due now."""
    event = {
        "webhook_id": webhook_id,
        "type": TEST,
        "day": time.astimezone(UTC).date(),
        "time": time,
        "settings_version": _SETTINGS_VERSION,
        "body": body,
    }
    await connection.execute(_ADD, {**asdict(target), **event})
    await wake(connection, [target.endpoint_id])

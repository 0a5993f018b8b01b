"""Deliveries that wait, put straight into the dispatcher's queue; at the commit it hears of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import text

from shared.database import Database, asyncpg_url
from tests.bench.webhook_dispatcher.events import ORDER, template
from tests.bench.webhook_dispatcher.targets import Target
from webhook_dispatcher.store.wakes import wake

# For the targets in turns. A retry came due within the last minute, what is fresh just now.
_FILL = text(
    """
    INSERT INTO deliveries (webhook_id, day, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence,
                            type, event_time, settings_version, body, behind, attempts, failures, next_at)
    SELECT 'msg_' || md5(:place || number), (now() AT TIME ZONE 'UTC')::date, endpoint_id, link_id,
           threepl_id, shop_id, :place || '-' || number, 1, 'order.created', now(), 1,
           convert_to(replace(:body, :order, :place || '-' || number), 'UTF8'), false,
           :failures, :failures,
           clock_timestamp() - CAST(:failures AS integer) * random() * interval '1 minute'
    FROM generate_series(1, CAST(:count AS integer)) AS number
        JOIN unnest(CAST(:endpoint_ids AS text[]), CAST(:link_ids AS text[]), CAST(:threepl_ids AS text[]),
                    CAST(:shop_ids AS text[]))
            WITH ORDINALITY AS target (endpoint_id, link_id, threepl_id, shop_id, turn)
            ON turn = number % :targets + 1
    ORDER BY number
    """
)
_ATTEMPTS = text(
    """
    INSERT INTO attempts (day, delivery_id, number, endpoint_id, started_at, duration_ms, outcome, status,
                          answer)
    SELECT day, id, 1, endpoint_id, next_at - interval '5 seconds', 20, 'failed', 500, ''
    FROM deliveries WHERE order_id LIKE :place || '-%' AND attempts = 1
    """
)
_NONE_LEFT = "SELECT NOT EXISTS (SELECT FROM deliveries)"


@dataclass(frozen=True)
class Wanted:
    """What is to wait: so many deliveries for these targets, each after so many failed attempts (0 or 1).

    Those of different places are different ones.
    """

    targets: Sequence[Target]
    place: str
    count: int
    failures: int = 0


async def fill(database_url: str, wanted: Wanted) -> None:
    """Puts them into the queue, all at one commit.

    What was there before has left no dead rows, so that each time is like the first.
    """
    connection = await asyncpg.connect(database_url)
    await connection.execute("VACUUM deliveries")
    await connection.close()
    database = Database(asyncpg_url(database_url))
    async with database.transaction() as transaction:
        await transaction.execute(_FILL, _parameters(wanted))
        if wanted.failures:
            await transaction.execute(_ATTEMPTS, {"place": wanted.place})
        await wake(transaction, [each.endpoint_id for each in wanted.targets])
    await database.close()


async def none_left(connection: asyncpg.Connection) -> bool:
    """Whether every delivery is in the log."""
    return bool(await connection.fetchval(_NONE_LEFT))


def _parameters(wanted: Wanted) -> dict[str, Any]:
    return {
        "place": wanted.place,
        "count": wanted.count,
        "failures": wanted.failures,
        "body": template(wanted.targets[0]),
        "order": ORDER,
        "targets": len(wanted.targets),
        "endpoint_ids": [each.endpoint_id for each in wanted.targets],
        "link_ids": [each.link_id for each in wanted.targets],
        "threepl_ids": [each.threepl_id for each in wanted.targets],
        "shop_ids": [each.shop_id for each in wanted.targets],
    }

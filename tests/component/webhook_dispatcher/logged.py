"""A log that is filled by SQL: finished deliveries of some days, their link and their endpoint."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import text

from shared.database import Database
from tests.builders import SHOP, THREEPL
from webhook_dispatcher.endpoints import endpoint_id

URL = "https://3pl.example/hooks"
OPEN_URL = "https://3pl.example/open"
ENDPOINT = endpoint_id("link-1", URL)
OPEN_ENDPOINT = endpoint_id("link-1", OPEN_URL)

_LINK = "INSERT INTO links (id, shop_id, threepl_id, version) VALUES ('link-1', :shop, :threepl, 1)"
_ENDPOINT = "INSERT INTO endpoints (id, link_id, url, secret) VALUES (:id, 'link-1', :url, 'sealed')"
_LOG = """
    INSERT INTO finished (day, id, webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence,
                          type, event_time, settings_version, body, status, attempts, failures, created_at,
                          started_at, duration_ms, outcome, answer_status, answer)
    SELECT :day, id, 'msg_' || id, :endpoint_id, 'link-1', :threepl_id, :shop_id, :order_id, 1,
           :type, :time, :settings_version, 'body', :status, 1, 1, :time,
           :time, 7, CASE WHEN :status <> 'withdrawn' THEN :status END, 422, 'says no'
    FROM (SELECT nextval(pg_get_serial_sequence('deliveries', 'id')) AS id
          FROM generate_series(1, :count)) AS new
    RETURNING id
"""


def day_ago(days: int) -> date:
    """The UTC day so many days ago."""
    return (datetime.now(UTC) - timedelta(days=days)).date()


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


async def rows(database: Database, query: str, **values: Any) -> list[Any]:
    """What the database answers, or nothing for what has no answer."""
    async with database.transaction() as connection:
        result = await connection.execute(text(query), values)
        return list(result) if result.returns_rows else []


async def make_endpoints(database: Database) -> None:
    """link-1 of SHOP and THREEPL, and an endpoint for each of the two URLs."""
    await rows(database, _LINK, shop=SHOP, threepl=THREEPL)
    for url in (URL, OPEN_URL):
        await rows(database, _ENDPOINT, id=endpoint_id("link-1", url), url=url)


async def log(database: Database, day: date, count: int = 1, **changes: Any) -> list[int]:
    """So many refused deliveries of events of that day's noon; answers their ids."""
    values: dict[str, Any] = {
        "day": day,
        "count": count,
        "time": noon(day),
        "status": "refused",
        "endpoint_id": ENDPOINT,
        "threepl_id": THREEPL,
        "shop_id": SHOP,
        "order_id": "1001",
        "type": "order.created",
        "settings_version": 1,
    }
    return [row.id for row in await rows(database, _LOG, **{**values, **changes})]


async def settle_refused(database: Database) -> None:
    """Everything in the queue is refused once more."""
    await rows(
        database,
        """
        WITH ended AS (DELETE FROM deliveries RETURNING *)
        INSERT INTO finished (day, id, webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id,
                              sequence, type, event_time, settings_version, body, status, attempts, failures,
                              created_at, started_at, duration_ms, outcome, answer_status, answer)
        SELECT day, id, webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence, type,
               event_time, settings_version, body, 'refused', attempts + 1, 1, created_at, now(), 7,
               'refused', 422, 'says no'
        FROM ended
        """,
    )

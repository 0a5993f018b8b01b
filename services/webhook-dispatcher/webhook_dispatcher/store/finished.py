"""Finished deliveries: found in the log, and put back into the queue to be sent again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from webhook_dispatcher.store.columns import DELIVERY

Ended = Literal["delivered", "refused", "exhausted", "withdrawn"]

_FINISHED = """
    SELECT day, id, webhook_id, link_id, threepl_id, shop_id, endpoint_id, settings_version, status,
           finished_at
    FROM finished
"""
_ONE = text(f"{_FINISHED} WHERE webhook_id = :webhook_id")
_MATCHING = f"""
    {_FINISHED}
    WHERE threepl_id = :threepl_id AND day = :day AND id > :after_id
      AND event_time >= :since AND event_time < :until AND status = ANY(:statuses)
      AND order_id IS NOT NULL
      AND (CAST(:clients AS text[]) IS NULL OR shop_id = ANY(:clients))
      AND (CAST(:link_id AS text) IS NULL OR link_id = :link_id)
      AND (CAST(:endpoint_id AS text) IS NULL OR endpoint_id = :endpoint_id)
      AND (CAST(:shop_id AS text) IS NULL OR shop_id = :shop_id)
      AND (CAST(:order_id AS text) IS NULL OR order_id = :order_id)
"""
_IN_ORDER = "ORDER BY id LIMIT :most"
_ALL = text(f"{_MATCHING} {_IN_ORDER}")
# Said in these words, it can use the index on what was not delivered: few rows, beside all that were.
_UNSENT = text(f"{_MATCHING} AND status <> 'delivered' {_IN_ORDER}")
# Each is looked up by its key, however few rows the planner takes a day to have. One that is not as it was
# found was resent by somebody else, and has ended again.
_RESEND = text(
    f"""
    WITH mine AS MATERIALIZED (
        SELECT same.webhook_id
        FROM unnest(CAST(:webhook_ids AS text[]), CAST(:finished_at AS timestamptz[]))
            AS given (webhook_id, finished_at)
        CROSS JOIN LATERAL (
            SELECT webhook_id FROM finished
            WHERE day = :day AND finished.webhook_id = given.webhook_id
              AND finished.finished_at = given.finished_at
            FOR UPDATE
        ) AS same
    ), taken AS (
        DELETE FROM finished WHERE day = :day AND webhook_id = ANY(ARRAY(SELECT webhook_id FROM mine))
        RETURNING *
    ), logged AS (
        INSERT INTO attempts (day, delivery_id, number, endpoint_id, started_at, duration_ms, outcome, status,
                              error, answer)
        SELECT day, id, attempts, endpoint_id, started_at, duration_ms, outcome, answer_status, error, answer
        FROM taken WHERE outcome IS NOT NULL
    )
    INSERT INTO deliveries ({DELIVERY}, endpoint_id, behind, resent, attempts, created_at, next_at)
    OVERRIDING SYSTEM VALUE
    SELECT {DELIVERY}, (CAST(:endpoint_ids AS text[]))[place], false, true, attempts, created_at,
           CASE WHEN (CAST(:held AS boolean[]))[place] THEN 'infinity' ELSE now() END
    FROM taken CROSS JOIN LATERAL array_position(CAST(:webhook_ids AS text[]), webhook_id) AS place
    ORDER BY place
    RETURNING endpoint_id
    """
)


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished delivery as the log has it, as far as a resend depends on it."""

    day: date
    id: int
    webhook_id: str
    link_id: str
    threepl_id: str
    shop_id: str
    endpoint_id: str | None
    settings_version: int
    status: Ended
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose deliveries are meant, of events in [since, until), and how they ended; None: it doesn't matter.

    `clients` are the only shops.
    """

    threepl_id: str
    clients: list[str] | None
    since: datetime
    until: datetime
    statuses: list[Ended]
    link_id: str | None
    endpoint_id: str | None
    shop_id: str | None
    order_id: str | None


async def one(connection: AsyncConnection, webhook_id: str) -> Finished | None:
    """The finished delivery of this id."""
    row = (await connection.execute(_ONE, {"webhook_id": webhook_id})).mappings().one_or_none()
    return None if row is None else Finished(**row)


async def some(
    connection: AsyncConnection, wanted: Wanted, day: date, *, after_id: int, most: int
) -> list[Finished]:
    """The first of those that are wanted of a day (UTC), past an id, by their ids; no test events."""
    query = _ALL if "delivered" in wanted.statuses else _UNSENT
    values = {each.name: getattr(wanted, each.name) for each in fields(Wanted)}
    rows = await connection.execute(query, {**values, "day": day, "after_id": after_id, "most": most})
    return [Finished(**row) for row in rows.mappings()]


async def resend(
    connection: AsyncConnection, day: date, going: Mapping[Finished, str], disabled: Collection[str]
) -> list[str]:
    """Puts deliveries of a day back into the queue, each for an endpoint that is claimed.

    They are due now, at a disabled endpoint once it is enabled. Answers the endpoint of each that went.
    """
    columns = {
        "webhook_ids": [each.webhook_id for each in going],
        "finished_at": [each.finished_at for each in going],
        "endpoint_ids": list(going.values()),
        "held": [endpoint in disabled for endpoint in going.values()],
    }
    return list((await connection.execute(_RESEND, {**columns, "day": day})).scalars())

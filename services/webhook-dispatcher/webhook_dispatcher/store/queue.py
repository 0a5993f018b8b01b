"""The queue that the deliveries are: many claimed under a lease, many settled by it, the finished logged."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from webhook_dispatcher.claims import Claim, Settled, Settlement
from webhook_dispatcher.store.columns import DELIVERY, FREE

_CLAIM = text(
    f"""
    WITH due AS (
        SELECT due.id FROM unnest(CAST(:endpoint_ids AS text[]), CAST(:rooms AS integer[]))
            AS wanted (endpoint_id, room)
        CROSS JOIN LATERAL (
            SELECT FROM endpoints WHERE endpoints.id = wanted.endpoint_id AND disabled_at IS NULL OFFSET 0
        ) AS enabled
        CROSS JOIN LATERAL (
            SELECT id FROM deliveries
            WHERE deliveries.endpoint_id = wanted.endpoint_id AND NOT behind AND next_at <= now() AND {FREE}
            ORDER BY next_at LIMIT wanted.room FOR UPDATE SKIP LOCKED
        ) AS due
    ), claimed AS (
        UPDATE deliveries SET lease = :lease, holder = :holder, moved = false,
                              leased_until = now() + make_interval(secs => :seconds)
        WHERE id = ANY(ARRAY(SELECT id FROM due))
        RETURNING id, lease, webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence, type,
                  failures, body
    )
    SELECT claimed.*, endpoint.*
    FROM claimed CROSS JOIN LATERAL (
        SELECT url, secret, enablings, failing_since, warned_at, retry_schedule
        FROM endpoints WHERE endpoints.id = claimed.endpoint_id OFFSET 0
    ) AS endpoint
    ORDER BY claimed.id
    """
)
# Whoever lost its lease finds no row, and records nothing over another's result. What others depend on is
# left, unless it is settled `whole`: what waits behind it, or its new endpoint, must hear with it.
_SETTLE = text(
    f"""
    WITH settlement AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:ids AS bigint[]), CAST(:leases AS uuid[]), CAST(:statuses AS text[]),
            CAST(:failures AS integer[]), CAST(:waits AS double precision[]), CAST(:outcomes AS text[]),
            CAST(:endpoint_ids AS text[]), CAST(:started_at AS timestamptz[]),
            CAST(:durations AS integer[]), CAST(:answer_statuses AS integer[]), CAST(:errors AS text[]),
            CAST(:answers AS bytea[])
        ) AS settlement (id, lease, status, failures, wait, outcome, endpoint_id, started_at, duration_ms,
                         answer_status, error, answer)
    ), mine AS MATERIALIZED (
        SELECT settlement.*, becomes FROM settlement CROSS JOIN LATERAL (
            SELECT CASE
                       WHEN NOT moved OR settlement.status = 'delivered' THEN settlement.status
                       WHEN deliveries.endpoint_id IS NULL THEN 'withdrawn'
                       ELSE 'waiting'
                   END AS becomes
            FROM deliveries WHERE deliveries.id = settlement.id AND deliveries.lease = settlement.lease
              AND (:whole OR NOT (moved OR (followed AND settlement.status <> 'waiting')))
            FOR UPDATE
        ) AS found
    ), ended AS (
        DELETE FROM deliveries WHERE id = ANY(ARRAY(SELECT id FROM mine WHERE becomes <> 'waiting'))
        RETURNING deliveries.*
    ), logged AS (
        INSERT INTO finished ({DELIVERY}, endpoint_id, status, attempts, failures, created_at, started_at,
                              duration_ms, outcome, answer_status, error, answer)
        SELECT {DELIVERY}, mine.endpoint_id, becomes, attempts + 1,
               CASE WHEN moved THEN ended.failures ELSE mine.failures END, created_at, started_at,
               duration_ms, outcome, answer_status, error, answer
        FROM ended JOIN mine USING (id)
    ), kept AS (
        UPDATE deliveries SET
            lease = NULL,
            holder = NULL,
            moved = false,
            failures = CASE WHEN moved THEN deliveries.failures ELSE mine.failures END,
            next_at = now() + make_interval(secs => CASE WHEN moved THEN 0 ELSE mine.wait END),
            attempts = attempts + 1
        FROM mine
        WHERE deliveries.id = ANY(ARRAY(SELECT id FROM mine WHERE becomes = 'waiting'))
          AND deliveries.id = mine.id
        RETURNING deliveries.id, day, attempts, link_id, shop_id, order_id,
                  CASE WHEN old.moved THEN new.endpoint_id END AS next_id
    ), logged_too AS (
        INSERT INTO attempts (day, delivery_id, number, endpoint_id, started_at, duration_ms, outcome, status,
                              error, answer)
        SELECT day, id, attempts, endpoint_id, started_at, duration_ms, outcome, answer_status, error, answer
        FROM kept JOIN mine USING (id)
    )
    SELECT id, becomes AS status, attempts + 1 AS attempts, link_id, shop_id, order_id, followed,
           NULL AS endpoint_id
    FROM ended JOIN mine USING (id)
    UNION ALL
    SELECT id, 'waiting', attempts, link_id, shop_id, order_id, false, next_id FROM kept
    """
)
# What was to end withdrawn once it was settled, and never was.
_WITHDRAW = text(
    f"""
    WITH ended AS (
        DELETE FROM deliveries
        WHERE endpoint_id IS NULL AND NOT behind AND (lease IS NULL OR leased_until <= now())
        RETURNING deliveries.*
    ), logged AS (
        INSERT INTO finished ({DELIVERY}, status, attempts, failures, created_at)
        SELECT {DELIVERY}, 'withdrawn', attempts, failures, created_at FROM ended
    )
    SELECT link_id, shop_id, order_id FROM ended WHERE NOT resent
    """
)
_WAITING = text("SELECT count(*) FROM deliveries")


async def claim(
    connection: AsyncConnection,
    wanted: Mapping[str, int],
    *,
    lease: uuid.UUID,
    seconds: float,
    holder: int,
    alive: Collection[int],
) -> list[Claim]:
    """Due deliveries for these endpoints, so many for each at most, leased to `holder` for so many seconds.

    Leases of processes that are not `alive` don't count.
    """
    values = {
        "endpoint_ids": list(wanted),
        "rooms": list(wanted.values()),
        "lease": lease,
        "seconds": seconds,
        "holder": holder,
        "alive": list(alive),
    }
    return [Claim(**row) for row in (await connection.execute(_CLAIM, values)).mappings()]


async def settle(
    connection: AsyncConnection, settlements: Sequence[Settlement], *, whole: bool
) -> dict[int, Settled]:
    """Records what became of those whose lease still holds, with their attempts; answers these.

    Not `whole`, it leaves out what others wait behind, and what was moved: these must hear of it in the same
    transaction.
    """
    in_order = sorted(settlements, key=lambda each: each.claim.id)
    rows = await connection.execute(_SETTLE, {**_columns(in_order), "whole": whole})
    return {row["id"]: Settled(**row) for row in rows.mappings()}


async def withdraw(connection: AsyncConnection) -> list[tuple[str, str, str | None]]:
    """Ends what has no endpoint any more and is in flight no longer; answers its (link, shop, order) ids."""
    return [tuple(row) for row in await connection.execute(_WITHDRAW)]


async def waiting(connection: AsyncConnection) -> int:
    """How many deliveries are not finished."""
    return int((await connection.execute(_WAITING)).scalar_one())


def _columns(settlements: Sequence[Settlement]) -> dict[str, list[Any]]:
    claims = [each.claim for each in settlements]
    verdicts = [each.verdict for each in settlements]
    attempts = [each.attempt for each in settlements]
    return {
        "ids": [each.id for each in claims],
        "leases": [each.lease for each in claims],
        "endpoint_ids": [each.endpoint_id for each in claims],
        "statuses": [each.status for each in verdicts],
        "failures": [each.failures for each in verdicts],
        "waits": [each.wait for each in verdicts],
        "outcomes": [each.outcome for each in verdicts],
        "started_at": [each.started_at for each in attempts],
        "durations": [each.duration_ms for each in attempts],
        "answer_statuses": [each.answer.status for each in attempts],
        "errors": [each.answer.error for each in attempts],
        "answers": [each.answer.body for each in attempts],
    }

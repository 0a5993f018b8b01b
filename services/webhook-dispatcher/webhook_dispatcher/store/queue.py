"""The queue that the deliveries are: many claimed under a lease, many settled by it."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from webhook_dispatcher.answers import Answer
from webhook_dispatcher.claims import Attempt, Claim, Settled, Settlement

_CLAIM = text(
    """
    WITH due AS (
        SELECT id FROM deliveries
        WHERE status = 'waiting' AND NOT behind AND next_at <= now()
        ORDER BY next_at LIMIT :room FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE deliveries
        SET lease = :lease, moved = false, next_at = now() + make_interval(secs => :seconds)
        FROM due WHERE deliveries.id = due.id
        RETURNING deliveries.id, lease, webhook_id, endpoint_id, deliveries.link_id, threepl_id, shop_id,
                  order_id, sequence, type, failures, body
    )
    SELECT claimed.*, url, secret, disabled_at IS NOT NULL AS disabled, enablings
    FROM claimed LEFT JOIN endpoints ON endpoints.id = claimed.endpoint_id ORDER BY claimed.id
    """
)
# Whoever lost its lease finds no row, and records nothing over another's result.
_SETTLE = text(
    """
    WITH settlement AS (
        SELECT * FROM unnest(
            CAST(:ids AS bigint[]), CAST(:leases AS uuid[]), CAST(:statuses AS text[]),
            CAST(:failures AS integer[]), CAST(:waits AS double precision[]), CAST(:outcomes AS text[]),
            CAST(:endpoint_ids AS text[]), CAST(:started_at AS timestamptz[]),
            CAST(:durations AS integer[]), CAST(:answer_statuses AS integer[]), CAST(:errors AS text[]),
            CAST(:answers AS bytea[])
        ) AS settlement (id, lease, status, failures, wait, outcome, endpoint_id, started_at, duration_ms,
                         answer_status, error, answer)
    ), mine AS (
        SELECT id, lease FROM deliveries JOIN settlement USING (id, lease)
        ORDER BY id FOR UPDATE OF deliveries
    ), settled AS (
        UPDATE deliveries SET
            lease = NULL,
            moved = false,
            status = CASE
                WHEN NOT moved OR settlement.status = 'delivered' THEN settlement.status
                WHEN deliveries.endpoint_id IS NULL THEN 'withdrawn'
                ELSE 'waiting'
            END,
            failures = CASE WHEN moved THEN deliveries.failures ELSE settlement.failures END,
            next_at = CASE
                WHEN moved THEN now()
                ELSE coalesce(now() + make_interval(secs => settlement.wait), 'infinity')
            END,
            attempts = attempts + (settlement.outcome IS NOT NULL)::integer,
            settled_at = now()
        FROM mine JOIN settlement USING (id, lease)
        WHERE deliveries.id = mine.id AND deliveries.lease = mine.lease
        RETURNING mine.id, mine.lease, deliveries.status, attempts, link_id, shop_id, order_id
    ), logged AS (
        INSERT INTO attempts (delivery_id, number, endpoint_id, started_at, duration_ms, outcome, status,
                              error, answer)
        SELECT id, attempts, endpoint_id, started_at, duration_ms, outcome, answer_status, error, answer
        FROM settled JOIN settlement USING (id, lease) WHERE outcome IS NOT NULL
    )
    SELECT id, status, attempts, link_id, shop_id, order_id FROM settled
    """
)
_WAITING = text("SELECT count(*) FROM deliveries WHERE status = 'waiting'")


async def claim(connection: AsyncConnection, room: int, lease: uuid.UUID, seconds: float) -> list[Claim]:
    """At most `room` due deliveries, the longest due first, leased for so many seconds."""
    rows = await connection.execute(_CLAIM, {"room": room, "lease": lease, "seconds": seconds})
    return [Claim(**row) for row in rows.mappings()]


async def settle(connection: AsyncConnection, settlements: Sequence[Settlement]) -> dict[int, Settled]:
    """Records what became of those whose lease still holds, with their attempts; answers these."""
    rows = await connection.execute(_SETTLE, _columns(settlements))
    return {row["id"]: Settled(**row) for row in rows.mappings()}


async def waiting(connection: AsyncConnection) -> int:
    """How many deliveries wait."""
    return int((await connection.execute(_WAITING)).scalar_one())


def _columns(settlements: Sequence[Settlement]) -> dict[str, list[Any]]:
    claims = [each.claim for each in settlements]
    verdicts = [each.verdict for each in settlements]
    attempts = [each.attempt or _NONE for each in settlements]
    return {
        "ids": [each.id for each in claims],
        "leases": [each.lease for each in claims],
        "endpoint_ids": [each.endpoint_id for each in claims],
        "statuses": [each.status for each in verdicts],
        "failures": [each.failures for each in verdicts],
        "waits": [each.wait for each in verdicts],
        "outcomes": [each.verdict.outcome if each.attempt else None for each in settlements],
        "started_at": [each.started_at for each in attempts],
        "durations": [each.duration_ms for each in attempts],
        "answer_statuses": [each.answer.status for each in attempts],
        "errors": [each.answer.error for each in attempts],
        "answers": [each.answer.body for each in attempts],
    }


_NONE = Attempt(datetime.fromtimestamp(0, UTC), 0, Answer())

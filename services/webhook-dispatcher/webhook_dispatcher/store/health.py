"""How an endpoint fares: its latest attempts in figures, and what waits for it. All reads are bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

# The most attempts that figures are made of, and the most deliveries that are counted.
MOST: Final = 10_000
# So many of a 3PL's deliveries are looked at, the oldest first, for the oldest one of an endpoint.
LOOKED: Final = 50_000

_ATTEMPTS = text(
    f"""
    SELECT outcome, count(*) AS attempts, min(started_at) AS since,
           percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY duration_ms) AS percentiles
    FROM (
        SELECT * FROM (
            (SELECT started_at, duration_ms, outcome FROM finished
             WHERE endpoint_id = :id AND started_at > :since ORDER BY started_at DESC LIMIT {MOST})
            UNION ALL
            (SELECT started_at, duration_ms, outcome FROM attempts
             WHERE endpoint_id = :id AND started_at > :since ORDER BY started_at DESC LIMIT {MOST})
        ) AS made ORDER BY started_at DESC LIMIT {MOST}
    ) AS latest
    GROUP BY GROUPING SETS ((), (outcome))
    """
)


def _last(condition: str) -> TextClause:
    """The last attempt that came out so: most often the first that is looked at."""
    halves = " UNION ALL ".join(
        f"""
        (SELECT * FROM (
            SELECT started_at, {status} AS status, error, outcome FROM {table}
            WHERE endpoint_id = :id AND started_at IS NOT NULL ORDER BY started_at DESC LIMIT {MOST}
         ) AS latest WHERE {condition} ORDER BY started_at DESC LIMIT 1)
        """
        for table, status in (("finished", "answer_status"), ("attempts", "status"))
    )
    return text(
        f"SELECT started_at AS at, status, error FROM ({halves}) AS last ORDER BY started_at DESC LIMIT 1"
    )


_LAST_SUCCESS = _last("outcome = 'delivered'")
_LAST_FAILURE = _last("outcome <> 'delivered'")
_FIRST = f"""
    SELECT id, event_time, created_at, next_at, lease, leased_until FROM deliveries
    WHERE endpoint_id = :id AND NOT behind ORDER BY next_at LIMIT {MOST + 1}
"""
_WAITING = text(
    f"""
    SELECT count(*) AS waiting, count(*) FILTER (WHERE in_flight) AS in_flight,
           count(*) FILTER (WHERE next_at <= now() AND NOT in_flight) AS due
    FROM (SELECT next_at, coalesce(lease IS NOT NULL AND leased_until > now(), false) AS in_flight
          FROM ({_FIRST}) AS first) AS first
    """
)
# Those behind others of their orders are found among all of the link.
_BEHIND = text(
    f"""
    SELECT count(*) AS looked, count(*) FILTER (WHERE behind AND endpoint_id = :id) AS behind
    FROM (SELECT behind, endpoint_id FROM deliveries
          WHERE link_id = :link_id AND NOT resent LIMIT {MOST + 1}) AS of_link
    """
)
# What a dead endpoint waits for is the oldest of all.
_OLDEST_OF_ALL = text(
    f"""
    SELECT event_time, created_at AS since FROM (
        SELECT id, threepl_id, endpoint_id, event_time, created_at FROM deliveries
        WHERE (threepl_id, id) > (:threepl_id, 0) AND (threepl_id, id) < (:threepl_id, {2**62})
        ORDER BY threepl_id, id LIMIT {LOOKED}
    ) AS oldest WHERE endpoint_id = :id ORDER BY threepl_id, id LIMIT 1
    """
)
_OLDEST_OF_FIRST = text(
    f"SELECT event_time, created_at AS since FROM ({_FIRST}) AS first ORDER BY id LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Attempts from a time on, counted by what came of them; how long half, 95 % and 99 % took (ms)."""

    since: datetime
    attempts: int
    outcomes: Mapping[str, int]
    percentiles: Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Last:
    """An attempt, what it was answered or what went wrong."""

    at: datetime
    status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many deliveries wait, at least; `due` ones would go now."""

    count: int
    more: bool
    due: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Oldest:
    """A delivery's event, and since when the delivery waits."""

    event_time: datetime
    since: datetime


async def attempts(connection: AsyncConnection, endpoint_id: str, since: datetime) -> Attempts:
    """The attempts since a time; if there are more than `MOST`, the latest ones since a later time."""
    rows = (await connection.execute(_ATTEMPTS, {"id": endpoint_id, "since": since})).all()
    [whole] = [row for row in rows if row.outcome is None]
    outcomes = {row.outcome: row.attempts for row in rows if row.outcome is not None}
    begun = whole.since if whole.attempts == MOST else since
    return Attempts(begun, whole.attempts, outcomes, whole.percentiles or (None, None, None))


async def last_success(connection: AsyncConnection, endpoint_id: str) -> Last | None:
    row = await _first(connection, _LAST_SUCCESS, {"id": endpoint_id})
    return None if row is None else Last(**row)


async def last_failure(connection: AsyncConnection, endpoint_id: str) -> Last | None:
    row = await _first(connection, _LAST_FAILURE, {"id": endpoint_id})
    return None if row is None else Last(**row)


async def waiting(connection: AsyncConnection, endpoint_id: str, link_id: str) -> Waiting:
    """What waits for an endpoint of a link, as far as `MOST` deliveries."""
    first = (await connection.execute(_WAITING, {"id": endpoint_id})).one()
    behind = (await connection.execute(_BEHIND, {"id": endpoint_id, "link_id": link_id})).one()
    return Waiting(
        count=min(first.waiting + behind.behind, MOST),
        more=max(first.waiting, behind.looked) > MOST or first.waiting + behind.behind > MOST,
        due=min(first.due, MOST),
        in_flight=first.in_flight,
    )


async def oldest(connection: AsyncConnection, endpoint_id: str, threepl_id: str) -> Oldest | None:
    """The oldest delivery that waits for an endpoint of a 3PL.

    If very many wait, and older ones of other endpoints too, it is the oldest of those that were looked at.
    """
    of_all = {"id": endpoint_id, "threepl_id": threepl_id}
    row = await _first(connection, _OLDEST_OF_ALL, of_all)
    row = row or await _first(connection, _OLDEST_OF_FIRST, {"id": endpoint_id})
    return None if row is None else Oldest(**row)


async def _first(
    connection: AsyncConnection, query: TextClause, values: Mapping[str, Any]
) -> dict[str, Any] | None:
    row = (await connection.execute(query, dict(values))).mappings().first()
    return None if row is None else dict(row)

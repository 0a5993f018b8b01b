"""A delivery as it is seen, in one shape wherever it lies: in the queue while it waits, then in the log."""

from sqlalchemy import TextClause, text

_SAME = """
    id, webhook_id, endpoint_id, link_id, threepl_id, nullif(shop_id, '') AS shop_id, order_id, sequence,
    type, event_time, attempts, failures, created_at
"""
_BODY = "day, body"
_ATTEMPT = ("started_at", "duration_ms", "outcome", "answer_status", "error", "answer")
# Both halves have these columns, in this order.
QUEUED = f"""
    {_SAME}, 'waiting' AS status, coalesce(lease IS NOT NULL AND leased_until > now(), false) AS in_flight,
    behind, next_at, CAST(NULL AS timestamptz) AS finished_at
"""
LOGGED = f"""
    {_SAME}, status, false AS in_flight, false AS behind, CAST(NULL AS timestamptz) AS next_at, finished_at
"""
# The same, and more of one delivery: its body, and the attempt that ended it.
QUEUED_WHOLE = f"""
    {QUEUED}, {_BODY}, CAST(NULL AS timestamptz) AS started_at, CAST(NULL AS integer) AS duration_ms,
    CAST(NULL AS text) AS outcome, CAST(NULL AS integer) AS answer_status, CAST(NULL AS text) AS error,
    CAST(NULL AS bytea) AS answer
"""
LOGGED_WHOLE = f"{LOGGED}, {_BODY}, {', '.join(_ATTEMPT)}"

_SHOWN = """
    seen.id AS place, webhook_id AS id, endpoint_id, url, seen.link_id, threepl_id, shop_id, order_id,
    sequence, type, event_time, status, behind, in_flight, attempts, failures,
    CASE WHEN NOT behind AND NOT in_flight AND disabled_at IS NULL AND next_at < 'infinity' THEN next_at END
        AS next_attempt_at,
    seen.created_at, finished_at
"""
_WHOLE = f"{_SHOWN}, {_BODY}, {', '.join(_ATTEMPT)}"


def listed(halves: str) -> TextClause:
    """A query for deliveries out of rows of `QUEUED` and `LOGGED`, the newest first."""
    return text(f"SELECT {_SHOWN} {_of(halves)} ORDER BY seen.id DESC")


def whole(halves: str) -> TextClause:
    """A query for deliveries out of rows of `QUEUED_WHOLE` and `LOGGED_WHOLE`."""
    return text(f"SELECT {_WHOLE} {_of(halves)}")


def _of(halves: str) -> str:
    return f"FROM ({halves}) AS seen LEFT JOIN endpoints ON endpoints.id = seen.endpoint_id"

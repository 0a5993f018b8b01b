"""Every order's history: one line for each thing that happened to it, by whom."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.orders import Line, Outcome

_ARRAYS = {
    "shop_id": "text",
    "order_id": "text",
    "act": "text",
    "stage": "text",
    "link_id": "text",
    "sequence": "bigint",
    "detail": "text",
    "account": "text",
    "subject": "text",
}
_NAMES = ", ".join(_ARRAYS)
_ADD = text(
    f"""
    INSERT INTO order_history (at, {_NAMES})
    SELECT CAST(:at AS timestamptz), {_NAMES}
    FROM unnest({", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _ARRAYS.items())})
        WITH ORDINALITY AS line ({_NAMES}, place)
    ORDER BY place
    """
)


async def add(connection: AsyncConnection, outcomes: Sequence[Outcome], at: datetime) -> None:
    """Adds what the outcomes say, in one statement."""
    rows = [_row(outcome, line) for outcome in outcomes for line in outcome.lines]
    if rows:
        await connection.execute(_ADD, {"at": at, **{name: [row[name] for row in rows] for name in _ARRAYS}})


def _row(outcome: Outcome, line: Line) -> dict[str, Any]:
    return {
        "shop_id": outcome.order.shop_id,
        "order_id": outcome.order.order_id,
        "act": line.act,
        "stage": line.stage,
        "link_id": line.link_id,
        "sequence": line.sequence,
        "detail": line.detail,
        "account": line.actor.account if line.actor else None,
        "subject": line.actor.subject if line.actor else None,
    }

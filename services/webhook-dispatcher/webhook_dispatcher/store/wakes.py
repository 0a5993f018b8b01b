"""Who sends to an endpoint hears at the commit that something is due there, in whatever process it is."""

from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CHANNEL = "endpoints_due"
# An endpoint's id has 35 characters, and a notification less than 8,000 bytes.
MOST_IDS = 200

_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', payload) FROM unnest(CAST(:payloads AS text[])) AS payload")


async def wake(connection: AsyncConnection, endpoint_ids: Collection[str]) -> None:
    """Tells, once the transaction commits, that these endpoints have deliveries due."""
    ordered = sorted(endpoint_ids)
    payloads = [",".join(ordered[start : start + MOST_IDS]) for start in range(0, len(ordered), MOST_IDS)]
    if payloads:
        await connection.execute(_NOTIFY, {"payloads": payloads})


def read(payload: str) -> list[str]:
    """The ids in a notification."""
    return payload.split(",")

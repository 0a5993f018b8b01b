"""What an endpoint takes, where it isn't the service's default."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from webhook_dispatcher.store.wakes import wake

_SAVE = text(
    """
    UPDATE endpoints SET concurrency = :concurrency, rate = :rate, retry_schedule = :retry_schedule
    WHERE id = :id
    """
)


async def save(
    connection: AsyncConnection,
    endpoint_id: str,
    *,
    concurrency: int | None,
    rate: float | None,
    retry_schedule: Sequence[float] | None,
) -> None:
    """Sets all three, and tells who sends to the endpoint; None: the default. Rates are per second."""
    values = {"concurrency": concurrency, "rate": rate, "retry_schedule": retry_schedule}
    await connection.execute(_SAVE, {"id": endpoint_id, **values})
    await wake(connection, [endpoint_id])

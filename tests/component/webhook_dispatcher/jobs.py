"""Jobs that resend, as tests start and work them without the rest of a dispatcher."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.database import Database
from shared.telemetry import Metrics
from tests.builders import THREEPL
from tests.component.webhook_dispatcher.logged import day_ago, noon, rows
from webhook_dispatcher.resending import Resending
from webhook_dispatcher.store import resends as resend_store
from webhook_dispatcher.store.finished import Wanted
from webhook_dispatcher.store.resends import Resend

KEPT = timedelta(days=30)


def resending(database: Database) -> Resending:
    return Resending(database, KEPT, Metrics("test"))


async def start(database: Database, **changes: Any) -> str:
    """A job for all refused and exhausted deliveries of THREEPL since five days ago; answers its id."""
    given: dict[str, Any] = {
        "threepl_id": THREEPL,
        "clients": None,
        "since": noon(day_ago(5)),
        "until": datetime.now(UTC),
        "statuses": ["refused", "exhausted"],
        **dict.fromkeys(("link_id", "endpoint_id", "shop_id", "order_id")),
        **changes,
    }
    wanted = Wanted(**given)
    async with database.transaction() as connection:
        number = len(await rows(database, "SELECT id FROM resends"))
        job = await resend_store.start(connection, f"rs_{number}", wanted, wanted.since.date(), "somebody")
    return job.id


async def job_of(database: Database, job_id: str) -> Resend:
    [row] = await rows(database, "SELECT * FROM resends WHERE id = :id", id=job_id)
    return Resend(**row._mapping)


async def finish(worker: Resending) -> None:
    """Steps until there is nothing more to do."""
    while await worker.step():
        pass


async def queued(database: Database) -> set[int]:
    return {row.id for row in await rows(database, "SELECT id FROM deliveries")}

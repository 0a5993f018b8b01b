"""Calls that resend, and what is there to be resent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.component.webhook_dispatcher.conftest import World
from tests.harness import until

HOUR_AGO = {"since": (datetime.now(UTC) - timedelta(hours=1)).isoformat()}


async def resend(world: World, client: httpx.AsyncClient, delivery_id: str, **claims: Any) -> Any:
    return await client.post(f"/deliveries/{delivery_id}/resend", headers=world.threepl(**claims))


async def start(world: World, client: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    """The job that is started so, for events since an hour ago."""
    answer = await client.post("/resends", headers=world.threepl(), json={**HOUR_AGO, **wanted})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def job_ended(world: World, client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    """A job, once it runs no more."""

    async def ended() -> dict[str, Any] | None:
        job = (await client.get(f"/resends/{job_id}", headers=world.threepl())).json()
        return job if job["state"] != "running" else None

    return dict(await until("the job has ended", ended))


async def refused(world: World, client: httpx.AsyncClient, *order_ids: str) -> list[dict[str, Any]]:
    """So many deliveries that the receiver has refused."""
    world.receiver.will_answer("/", *(422 for _ in order_ids))
    await world.assign(*(world.held(order_id) for order_id in order_ids))
    return await world.ended(client, len(order_ids))


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]

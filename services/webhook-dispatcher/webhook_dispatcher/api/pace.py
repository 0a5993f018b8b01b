"""An endpoint's pace: how much goes there at once, how fast, and when what failed is tried again."""

from typing import Annotated

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from shared.problems import EVERYWHERE
from webhook_dispatcher.api.endpoints import FOUND, Endpoint, require_owner, theirs
from webhook_dispatcher.api.parts import GivenCaller, GivenParts
from webhook_dispatcher.store import paces

log = structlog.get_logger()

router = APIRouter(prefix="/endpoints/{endpoint_id}", tags=["endpoints"], responses=EVERYWHERE)

LONGEST_WAIT = 90 * 86_400
Wait = Annotated[float, Field(ge=1, le=LONGEST_WAIT)]


class NewPace(BaseModel):
    """The whole of an endpoint's pace, as `pace` of an endpoint shows it; null: the service's default.

    A wait of the schedule is 1 s to 90 days.
    """

    model_config = ConfigDict(extra="forbid")

    concurrency: int | None = Field(ge=1, le=1000)
    rate: float | None = Field(ge=0.01, le=10_000, allow_inf_nan=False)
    retry_schedule: list[Wait] | None = Field(
        min_length=1, max_length=20, examples=[[5, 30, 120, 600, 3600, 21_600]]
    )


@router.put("/pace", summary="Set an endpoint's pace (3PL)", responses=FOUND)
async def set_pace(endpoint_id: str, pace: NewPace, caller: GivenCaller, parts: GivenParts) -> Endpoint:
    """It holds from the next attempt on; waits that have begun stay as they are."""
    async with parts.database.transaction() as connection:
        await theirs(connection, caller, endpoint_id)
        require_owner(caller, "administrator", "manager")
        await paces.save(
            connection,
            endpoint_id,
            concurrency=pace.concurrency,
            rate=pace.rate,
            retry_schedule=pace.retry_schedule,
        )
        endpoint = await theirs(connection, caller, endpoint_id)
    log.info(
        "endpoint.paced",
        endpoint_id=endpoint_id,
        account=caller.account,
        by=caller.subject,
        **dict(endpoint.pace),
    )
    return endpoint

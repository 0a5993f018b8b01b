"""Endpoints: listed, read, enabled again."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import outbox
from shared.contracts.callers import Caller, Role
from shared.errors import forbidden, not_found
from shared.problems import EVERYWHERE, problems
from webhook_dispatcher.announcements import endpoint_enabled
from webhook_dispatcher.api import may_look
from webhook_dispatcher.api.parts import GivenCaller, GivenParts
from webhook_dispatcher.gates import State as BreakerState
from webhook_dispatcher.store import endpoints as endpoint_store
from webhook_dispatcher.store import views

router = APIRouter(prefix="/endpoints", tags=["endpoints"], responses=EVERYWHERE)

FOUND = problems(not_found=404)
Limit = Annotated[int, Query(ge=1, le=200, description="Endpoints a page.")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")]


class Pace(BaseModel):
    """How much an endpoint takes, and when what failed is tried again; null: the service's default.

    `concurrency`: so many requests at once. `rate`: so many begun a second. `retry_schedule`: the wait before
    each further attempt, in seconds; after the last one the delivery is exhausted.
    """

    concurrency: int | None
    rate: float | None
    retry_schedule: list[float] | None


class Endpoint(BaseModel):
    """One URL of one link; a disabled one gets nothing, its deliveries wait until it is enabled.

    `failing_since`: nothing was delivered since then. `breaker`: an open one holds back what is due until
    `breaker_until`, then it is half open, and one delivery at a time tries the endpoint.
    """

    id: str
    link_id: str
    shop_id: str | None
    threepl_id: str | None
    url: str
    enabled: bool
    disabled_at: AwareDatetime | None
    disabled_reason: str | None
    failing_since: AwareDatetime | None
    breaker: BreakerState
    breaker_until: AwareDatetime | None
    pace: Pace
    created_at: AwareDatetime


class EndpointPage(BaseModel):
    """Endpoints in the order of their ids; without `next_cursor` it is the last page."""

    endpoints: list[Endpoint]
    next_cursor: str | None


@router.get("", summary="List the endpoints that one sees", responses=FOUND)
async def list_endpoints(
    caller: GivenCaller,
    parts: GivenParts,
    link_id: str | None = None,
    shop_id: str | None = None,
    enabled: Annotated[bool | None, Query(description="Only those that are, or aren't.")] = None,
    failing: Annotated[bool | None, Query(description="Only those that fail, or don't.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> EndpointPage:
    """A 3PL sees its own, an operator all."""
    may_look(caller, "page")
    filters = {"link_id": link_id, "shop_id": shop_id, "enabled": enabled, "failing": failing}
    async with parts.database.transaction() as connection:
        rows = await views.endpoints(connection, caller, filters, after=cursor, limit=limit + 1)
    found = [_shown(row) for row in rows[:limit]]
    return EndpointPage(endpoints=found, next_cursor=found[-1].id if len(rows) > limit else None)


@router.get("/{endpoint_id}", summary="Read an endpoint", responses=FOUND)
async def read_endpoint(endpoint_id: str, caller: GivenCaller, parts: GivenParts) -> Endpoint:
    async with parts.database.transaction() as connection:
        return await theirs(connection, caller, endpoint_id)


@router.post("/{endpoint_id}/enable", summary="Enable a disabled endpoint (3PL)", responses=FOUND)
async def enable_endpoint(endpoint_id: str, caller: GivenCaller, parts: GivenParts) -> Endpoint:
    """Its waiting deliveries go out now; an enabled one stays as it is."""
    async with parts.database.transaction() as connection:
        await theirs(connection, caller, endpoint_id)
        require_owner(caller, "administrator", "manager")
        endpoint = (await endpoint_store.claim(connection, [endpoint_id]))[endpoint_id]
        if endpoint.disabled:
            await endpoint_store.enable(connection, endpoint)
            said = endpoint_enabled(parts.deliveries_topic, endpoint, caller.account, datetime.now(UTC))
            await outbox.add(connection, [said])
        enabled = await theirs(connection, caller, endpoint_id)
    parts.nudge()
    return enabled


async def theirs(connection: AsyncConnection, caller: Caller, endpoint_id: str) -> Endpoint:
    """The endpoint, if it is the caller's to see; raises the 404 problem otherwise."""
    may_look(caller, "endpoint")
    row = await views.endpoint(connection, caller, endpoint_id)
    if row is None:
        raise not_found("endpoint")
    return _shown(row)


def require_owner(caller: Caller, *roles: Role) -> None:
    """Raises the 403 problem for operators, who may only read, and for callers without such a role."""
    if caller.kind == "operator":
        raise forbidden("Operators may read an endpoint, but this is for the 3PL that owns it.")
    caller.require("write", *roles)


def _shown(row: dict[str, Any]) -> Endpoint:
    return Endpoint.model_validate({**row, "pace": {name: row[name] for name in Pace.model_fields}})

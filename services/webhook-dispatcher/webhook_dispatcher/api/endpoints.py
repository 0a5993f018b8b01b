"""Endpoints: listed, read, their secret revealed, enabled again."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import outbox
from shared.contracts.callers import Caller, Role
from shared.database import Database
from shared.encryption import KeyRing
from shared.errors import forbidden, not_found
from webhook_dispatcher.announcements import endpoint_enabled
from webhook_dispatcher.api import may_look
from webhook_dispatcher.store import endpoints as endpoint_store
from webhook_dispatcher.store import views

Limit = Annotated[int, Query(ge=1, le=200, description="Endpoints a page.")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")]


class Endpoint(BaseModel):
    """One URL of one link; a disabled one gets nothing, its deliveries wait until it is enabled."""

    id: str
    link_id: str
    shop_id: str | None
    threepl_id: str | None
    url: str
    enabled: bool
    disabled_at: AwareDatetime | None
    disabled_reason: str | None
    created_at: AwareDatetime


class EndpointPage(BaseModel):
    """Endpoints in the order of their ids; without `next_cursor` it is the last page."""

    endpoints: list[Endpoint]
    next_cursor: str | None


class Secret(BaseModel):
    """What verifies an endpoint's webhooks, as the Standard Webhooks libraries take it."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


def routes(
    database: Database,
    keys: KeyRing,
    topic: str,
    caller: Callable[..., Awaitable[Caller]],
    nudge: Callable[[], None],
) -> APIRouter:
    """The endpoints' API; enablings are announced on `topic`, and `nudge` is called after them."""
    router = APIRouter(tags=["endpoints"])
    Who = Annotated[Caller, Depends(caller)]  # noqa: N806

    @router.get("/endpoints")
    async def list_endpoints(
        who: Who, link_id: str | None = None, limit: Limit = 50, cursor: Cursor = None
    ) -> EndpointPage:
        """The caller's endpoints."""
        may_look(who, "page")
        async with database.transaction() as connection:
            rows = await views.endpoints(connection, who, link_id=link_id, after=cursor, limit=limit + 1)
        found = [Endpoint.model_validate(row) for row in rows[:limit]]
        return EndpointPage(endpoints=found, next_cursor=found[-1].id if len(rows) > limit else None)

    @router.get("/endpoints/{endpoint_id}")
    async def read_endpoint(who: Who, endpoint_id: str) -> Endpoint:
        """One endpoint."""
        may_look(who, "endpoint")
        async with database.transaction() as connection:
            return await _read(connection, who, endpoint_id)

    @router.get("/endpoints/{endpoint_id}/secret")
    async def reveal_secret(who: Who, endpoint_id: str) -> Secret:
        """The endpoint's signing secret, for the owning 3PL's administrators alone.

        It needs the scope `write`: whoever has it can write webhooks that look like ours.
        """
        may_look(who, "endpoint")
        async with database.transaction() as connection:
            await _read(connection, who, endpoint_id)
            _require_owner(who, "administrator")
            stored = await endpoint_store.secret(connection, endpoint_id)
        return Secret(secret=keys.decrypt(stored).decode())

    @router.post("/endpoints/{endpoint_id}/enable")
    async def enable_endpoint(who: Who, endpoint_id: str) -> Endpoint:
        """Enables a disabled endpoint, whose waiting deliveries go out now; an enabled one stays as it is."""
        may_look(who, "endpoint")
        async with database.transaction() as connection:
            await _read(connection, who, endpoint_id)
            _require_owner(who, "administrator", "manager")
            endpoint = (await endpoint_store.claim(connection, [endpoint_id]))[endpoint_id]
            if endpoint.disabled:
                await endpoint_store.enable(connection, endpoint)
                said = endpoint_enabled(topic, endpoint, who.account, datetime.now(UTC))
                await outbox.add(connection, [said])
            enabled = await _read(connection, who, endpoint_id)
        nudge()
        return enabled

    return router


async def _read(connection: AsyncConnection, who: Caller, endpoint_id: str) -> Endpoint:
    row = await views.endpoint(connection, who, endpoint_id)
    if row is None:
        raise not_found("endpoint")
    return Endpoint.model_validate(row)


def _require_owner(who: Caller, *roles: Role) -> None:
    """Raises the 403 problem for operators, who may only read, and for callers without such a role."""
    if who.kind == "operator":
        raise forbidden("Operators may read an endpoint, but this is for the 3PL that owns it.")
    who.require("write", *roles)

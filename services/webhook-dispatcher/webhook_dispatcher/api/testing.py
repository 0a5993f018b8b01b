"""Test events: somebody of a 3PL tries whether an endpoint takes webhooks."""

import uuid
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.deliveries import TestedEndpoint, TestWebhook
from shared.errors import Problem
from shared.problems import EVERYWHERE, problems
from webhook_dispatcher.api.deliveries import Delivery
from webhook_dispatcher.api.endpoints import Endpoint, require_owner, theirs
from webhook_dispatcher.api.parts import GivenCaller, GivenParts
from webhook_dispatcher.store import endpoints as endpoint_store
from webhook_dispatcher.store import testing, views
from webhook_dispatcher.store.testing import Target

log = structlog.get_logger()

router = APIRouter(prefix="/endpoints/{endpoint_id}", tags=["endpoints"], responses=EVERYWHERE)

MOST_WAITING = 10
MESSAGE = "This is a test event: somebody of yours tries this endpoint. It is of no order, and wants a 2xx."
TESTS = problems(not_found=404, endpoint_disabled=409, too_many_tests=409)


@router.post("/test", status_code=202, summary="Send a test event to an endpoint (3PL)", responses=TESTS)
async def send_test(endpoint_id: str, caller: GivenCaller, parts: GivenParts) -> Delivery:
    """It is tried once, when the endpoint's pace and breaker let it; `GET /deliveries/{id}` tells the rest.

    Its body is `{type: "webhook.test", timestamp, data: {endpoint_id, link_id, message}}`.
    """
    now, webhook_id = datetime.now(UTC), f"msg_{uuid.uuid4().hex}"
    async with parts.database.transaction() as connection:
        endpoint = await theirs(connection, caller, endpoint_id)
        require_owner(caller, "administrator", "manager", "support")
        target = Target(endpoint.id, endpoint.link_id, caller.account, endpoint.shop_id or "")
        await _require_room(connection, target)
        await testing.add(connection, target, webhook_id, _body(endpoint, now), now)
        row = await views.delivery(connection, caller, webhook_id)
    log.info(
        "endpoint.tested",
        endpoint_id=endpoint_id,
        webhook_id=webhook_id,
        account=caller.account,
        by=caller.subject,
    )
    return Delivery.model_validate(row)


async def _require_room(connection: AsyncConnection, target: Target) -> None:
    """Holds the endpoint; raises the 409 problem if it gets no test event now."""
    held = (await endpoint_store.claim(connection, [target.endpoint_id]))[target.endpoint_id]
    if held.disabled:
        raise Problem(
            409, "endpoint-disabled", "This endpoint gets nothing until POST …/enable enables it again."
        )
    if await testing.waiting(connection, target) >= MOST_WAITING:
        raise Problem(
            409,
            "too-many-tests",
            f"{MOST_WAITING} test events wait for this endpoint already; GET …/health says what holds them.",
        )


def _body(endpoint: Endpoint, now: datetime) -> bytes:
    data = TestedEndpoint(endpoint_id=endpoint.id, link_id=endpoint.link_id, message=MESSAGE)
    return TestWebhook(timestamp=now, data=data).model_dump_json().encode()

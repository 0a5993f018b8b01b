"""What `deliveries` is told: a delivery that ended without success, an endpoint disabled or enabled."""

from datetime import datetime

from shared.contracts import deliveries
from shared.contracts.deliveries import EndpointEvent
from shared.outbox import Message
from webhook_dispatcher.answers import Answer
from webhook_dispatcher.claims import Claim, Settled
from webhook_dispatcher.endpoints import Endpoint

ENDED = {"refused": deliveries.DELIVERY_REFUSED, "exhausted": deliveries.DELIVERY_EXHAUSTED}


def delivery_ended(topic: str, claim: Claim, settled: Settled, answer: Answer, now: datetime) -> Message:
    """A delivery was refused, or is exhausted, by its last attempt."""
    number = settled.attempts
    event = EndpointEvent(
        endpoint_id=claim.endpoint_id or "",
        link_id=claim.link_id,
        threepl_id=claim.threepl_id,
        url=claim.url or "",
        delivery_id=claim.webhook_id,
        shop_id=claim.shop_id,
        order_id=claim.order_id,
        reason=f"attempt {number}: {answer.said}",
    )
    return _message(topic, event, f"{claim.webhook_id}/{number}", ENDED[settled.status], now)


def endpoint_disabled(topic: str, endpoint: Endpoint, reason: str, now: datetime) -> Message:
    """Nothing goes to an endpoint any more until somebody enables it."""
    event_id = f"{endpoint.id}/disabled/{endpoint.enablings}"
    return _message(topic, _of(endpoint, reason), event_id, deliveries.ENDPOINT_DISABLED, now)


def endpoint_enabled(topic: str, endpoint: Endpoint, by: str, now: datetime) -> Message:
    """An endpoint that was disabled takes webhooks again."""
    event_id = f"{endpoint.id}/enabled/{endpoint.enablings + 1}"
    return _message(topic, _of(endpoint, f"enabled by {by}"), event_id, deliveries.ENDPOINT_ENABLED, now)


def _of(endpoint: Endpoint, reason: str) -> EndpointEvent:
    return EndpointEvent(
        endpoint_id=endpoint.id,
        link_id=endpoint.link_id,
        threepl_id=endpoint.threepl_id,
        url=endpoint.url,
        reason=reason,
    )


def _message(topic: str, event: EndpointEvent, event_id: str, event_type: str, now: datetime) -> Message:
    return Message(topic, event.link_id.encode(), deliveries.write(event, event_id, event_type, now))

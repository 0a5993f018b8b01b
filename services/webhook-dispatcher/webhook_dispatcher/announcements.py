"""What `deliveries` is told: deliveries without success, endpoints warned, disabled or enabled."""

from datetime import datetime

from shared.contracts import deliveries
from shared.contracts.deliveries import EndpointEvent
from shared.outbox import Message
from webhook_dispatcher.answers import Answer
from webhook_dispatcher.claims import Claim, Settled
from webhook_dispatcher.endpoints import Endpoint
from webhook_dispatcher.webhooks import TEST

ENDED = {"refused": deliveries.DELIVERY_REFUSED, "exhausted": deliveries.DELIVERY_EXHAUSTED}


def ends(claim: Claim, settled: Settled) -> bool:
    """Whether this is to be told: a test event is its sender's own matter."""
    return settled.status in ENDED and claim.type != TEST


def delivery_ended(topic: str, claim: Claim, settled: Settled, answer: Answer, now: datetime) -> Message:
    """A delivery was refused, or is exhausted, by its last attempt."""
    number = settled.attempts
    event = EndpointEvent(
        endpoint_id=claim.endpoint_id,
        link_id=claim.link_id,
        threepl_id=claim.threepl_id,
        url=claim.url,
        delivery_id=claim.webhook_id,
        shop_id=claim.shop_id,
        order_id=claim.order_id,
        reason=f"attempt {number}: {answer.said}",
    )
    return _message(topic, event, f"{claim.webhook_id}/{number}", ENDED[settled.status], now)


def endpoint_changed(topic: str, before: Endpoint, endpoint: Endpoint, now: datetime) -> list[Message]:
    """Nothing goes to an endpoint until somebody enables it; or it fails, and this may come of it."""
    messages = []
    if endpoint.warned_at is not None and before.warned_at is None and endpoint.failing_since is not None:
        since = f"{endpoint.failing_since:%Y-%m-%d %H:%M}"
        reason = f"every webhook has failed since {since} UTC; it will be disabled if that goes on"
        event_id = f"{endpoint.id}/warned/{endpoint.warned_at.timestamp():.0f}"
        messages.append(_message(topic, _of(endpoint, reason), event_id, deliveries.ENDPOINT_WARNED, now))
    if endpoint.disabled_reason is not None and not before.disabled:
        event_id = f"{endpoint.id}/disabled/{endpoint.enablings}"
        event = _of(endpoint, endpoint.disabled_reason)
        messages.append(_message(topic, event, event_id, deliveries.ENDPOINT_DISABLED, now))
    return messages


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

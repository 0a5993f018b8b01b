"""The assignment events of a bench, and the webhooks that they make: each of another order."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime

from shared.contracts.assignments import Assignment, key
from tests.bench.order_router.orders import Event, document
from tests.bench.webhook_dispatcher.targets import Target
from tests.builders import assignment, assignment_message
from webhook_dispatcher import webhooks
from webhook_dispatcher.webhooks import AssignmentEvent

ORDER = "ORDER-ID"  # where a template names its order


def event(target: Target, order_id: str) -> Event:
    """The event, told now, that an order was assigned to a target's 3PL."""
    now = datetime.now(UTC)
    value = assignment_message(_assignment(target, order_id, now), time=now)
    return Event(key(target.shop_id, order_id).encode(), value)


def events(targets: Sequence[Target], place: str, count: int) -> list[Event]:
    """So many events for the targets in turns; those of different places have different orders."""
    return [event(targets[number % len(targets)], f"{place}-{number}") for number in range(count)]


def template(target: Target) -> str:
    """The body of a webhook, without its order's id."""
    now = datetime.now(UTC)
    told = AssignmentEvent("", "order.created", now, _assignment(target, ORDER, now))
    return webhooks.body(told).decode()


def _assignment(target: Target, order_id: str, now: datetime) -> Assignment:
    return assignment(
        order_id,
        shop_id=target.shop_id,
        threepl_id=target.threepl_id,
        link_id=target.link_id,
        settings={"webhook_url": target.url},
        order=document(random.Random(order_id), order_id, now.isoformat()),
    )

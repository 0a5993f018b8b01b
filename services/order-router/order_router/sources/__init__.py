"""The order documents that are accepted, each by one pure translator, told apart by the event's type."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from order_router.sources import orderdock, shopify, woocommerce
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.orders import Order, read, shop_of

# Takes a document and the time of its event.
Translate = Callable[[dict[str, Any], datetime], dict[str, Any]]


@dataclass(frozen=True)
class OrderEvent:
    """An upstream order event in Orderdock's words; `time` is the event's own."""

    order: Order
    cancelled: bool
    time: datetime


# Type prefix of a source's events, and what makes its document Orderdock's.
SOURCES: tuple[tuple[str, Translate], ...] = (
    ("com.orderdock.order.", orderdock.translate),
    ("com.shopify.orders.", shopify.translate),
    ("com.woocommerce.order.", woocommerce.translate),
)
# Endings of types that hold no whole order. A deletion takes an order out of the shop's list, not out of
# the world; beside each of the others Shopify sends `updated` with the order, if it changed.
WITHOUT_ORDER = (
    ".delete",
    ".deleted",
    "com.shopify.orders.edited",
    "com.shopify.orders.link_requested",
    "com.shopify.orders.risk_assessment_changed",
    "com.shopify.orders.shopify_protect_eligibility_changed",
)


def translate(event: CloudEvent, received_at: datetime) -> OrderEvent | None:
    """The order event in a CloudEvent, or None for a type that holds no order or that nobody here knows.

    An event without a time happened when it was received. Raises `UnreadableMessage`.
    """
    time = event.time or received_at
    for type_prefix, translator in SOURCES:
        if event.type.startswith(type_prefix) and not event.type.endswith(WITHOUT_ORDER):
            shop = shop_of(event.source)
            document = translator(event.data, time) if isinstance(event.data, dict) else event.data
            order = read(document, shop)
            cancelled = order.cancelled_at is not None or event.type.endswith(".cancelled")
            return OrderEvent(order, cancelled, time)
    return None

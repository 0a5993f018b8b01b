"""Order documents in the shapes of Shopify's and WooCommerce's webhooks, ours and those beside the checkout.

Ours are written for these tests; each holds several of the traps that its name tells of.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from order_router.sources import OrderEvent, translate
from shared.contracts.cloudevents import CloudEvent
from tests.builders import NOW, SHOP

OWN = Path(__file__).parent
# The shops' own documentation; it lies beside the checkout, and only there.
PAYLOADS = Path(__file__).parents[3] / "shared/payloads"


@dataclass(frozen=True)
class Sample:
    """An order document and the type of the event that brings it; whether its order is to be routed."""

    path: Path
    event_type: str
    routable: bool = False
    cancelled: bool = False

    @property
    def name(self) -> str:
        return self.path.relative_to(self.path.parents[1]).with_suffix("").as_posix()

    @property
    def document(self) -> dict[str, Any]:
        return dict(json.loads(self.path.read_text()))

    @property
    def order_id(self) -> str:
        return str(self.document["id"])


SHOPIFY = (
    Sample(OWN / "shopify/paid_multi_line.json", "com.shopify.orders.create", routable=True),
    Sample(
        OWN / "shopify/partly_shipped_partly_refunded.json",
        "com.shopify.orders.partially_fulfilled",
        routable=True,
    ),
    Sample(OWN / "shopify/cancelled.json", "com.shopify.orders.cancelled", cancelled=True),
    Sample(OWN / "shopify/unpaid.json", "com.shopify.orders.create"),
    Sample(OWN / "shopify/guest_without_address.json", "com.shopify.orders.paid", routable=True),
    Sample(OWN / "shopify/nothing_to_ship.json", "com.shopify.orders.create"),
    Sample(OWN / "shopify/fulfilled.json", "com.shopify.orders.fulfilled"),
    Sample(OWN / "shopify/refunded_before_shipping.json", "com.shopify.orders.updated", cancelled=True),
)
WOOCOMMERCE = (
    Sample(OWN / "woocommerce/paid_multi_line.json", "com.woocommerce.order.created", routable=True),
    Sample(OWN / "woocommerce/completed_partly_refunded.json", "com.woocommerce.order.updated"),
    Sample(OWN / "woocommerce/cancelled.json", "com.woocommerce.order.updated", cancelled=True),
    Sample(OWN / "woocommerce/unpaid.json", "com.woocommerce.order.created"),
    Sample(OWN / "woocommerce/guest_without_address.json", "com.woocommerce.order.restored", routable=True),
    Sample(
        OWN / "woocommerce/refunded_before_shipping.json", "com.woocommerce.order.updated", cancelled=True
    ),
)
# Each shop's in the order in which they happened: two are of the same order.
DOCUMENTED = tuple(
    sample
    for sample in (
        Sample(PAYLOADS / "shopify_order_created_3lines.json", "com.shopify.orders.create", routable=True),
        Sample(PAYLOADS / "shopify_order_full.json", "com.shopify.orders.updated", routable=True),
        Sample(
            PAYLOADS / "woocommerce_order_created_processing.json",
            "com.woocommerce.order.created",
            routable=True,
        ),
        Sample(PAYLOADS / "woocommerce_order_updated_completed.json", "com.woocommerce.order.updated"),
    )
    if sample.path.exists()
)


def read(document: dict[str, Any], event_type: str) -> OrderEvent:
    """What the router makes of a document that an event of this type brings, at NOW."""
    event = CloudEvent(id="1", source=f"/shops/{SHOP}", type=event_type, time=NOW, data=document)
    read = translate(event, NOW)
    assert read is not None
    return read


def said(event: OrderEvent) -> dict[str, Any]:
    """The order document that goes on from there."""
    return dict(json.loads(event.order.model_dump_json(exclude_unset=True)))


def cut(value: Any, shape: Any) -> Any:
    """Of a JSON value only what `shape` names, to compare the two."""
    if isinstance(value, dict) and isinstance(shape, dict):
        return {name: cut(value.get(name, "missing"), part) for name, part in shape.items()}
    if isinstance(value, list) and isinstance(shape, list) and len(value) == len(shape):
        return [cut(each, part) for each, part in zip(value, shape, strict=True)]
    return value

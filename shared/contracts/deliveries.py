"""What the webhook-dispatcher says on `deliveries` and to a 3PL's endpoint (DESIGN 5 and 6)."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from shared.contracts import cloudevents
from shared.contracts.assignments import Holder, Request, Stage
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.identifiers import ShopId, ThreeplId
from shared.contracts.links import Settings
from shared.errors import UnreadableMessage

DELIVERY_REFUSED = "com.orderdock.delivery.refused"
DELIVERY_EXHAUSTED = "com.orderdock.delivery.exhausted"
ENDPOINT_WARNED = "com.orderdock.endpoint.warned"
ENDPOINT_DISABLED = "com.orderdock.endpoint.disabled"
ENDPOINT_ENABLED = "com.orderdock.endpoint.enabled"
SOURCE = "/services/webhook-dispatcher"

WebhookType = Literal["order.created", "order.updated"]
# What deliveries are of: such webhooks, and test events, which somebody asks for.
DeliveryType = Literal["order.created", "order.updated", "webhook.test"]


class WebhookAssignment(BaseModel):
    """Under which link and settings the 3PL is told of an order, and who holds it now.

    `request` is what the shop asks of the 3PL, or what came of that, if this is what the webhook tells.
    """

    model_config = ConfigDict(frozen=True)

    link_id: str
    shop_id: ShopId
    threepl_id: ThreeplId
    holder: Holder
    stage: Stage
    epoch: int
    settings: Settings
    client_reference: str
    request: Request | None = None


class Webhook(BaseModel):
    """The body a 3PL's endpoint receives; `data` is the order, `sequence` counts its events."""

    model_config = ConfigDict(frozen=True)

    type: WebhookType
    timestamp: AwareDatetime
    sequence: int
    data: dict[str, Any]
    assignment: WebhookAssignment


class TestedEndpoint(BaseModel):
    """Which endpoint a test event goes to, and what it is, for whoever reads it."""

    model_config = ConfigDict(frozen=True)

    endpoint_id: str
    link_id: str
    message: str


class TestWebhook(BaseModel):
    """The body of a test event: somebody of the 3PL tries an endpoint."""

    model_config = ConfigDict(frozen=True)

    type: Literal["webhook.test"] = "webhook.test"
    timestamp: AwareDatetime
    data: TestedEndpoint


class EndpointEvent(BaseModel):
    """What happened to an endpoint, or to one delivery for it (then `delivery_id` is set)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    endpoint_id: str
    link_id: str
    threepl_id: ThreeplId
    url: str
    delivery_id: str | None = None
    shop_id: ShopId | None = None
    order_id: str | None = None
    reason: str


def write(event: EndpointEvent, event_id: str, event_type: str, now: AwareDatetime) -> bytes:
    """The event for `deliveries`, under the link's id as key."""
    return cloudevents.write_raw(
        event_id=event_id,
        source=SOURCE,
        event_type=event_type,
        subject=event.endpoint_id,
        time=now,
        data=event.model_dump_json(exclude_none=True),
    )


def read(event: CloudEvent) -> EndpointEvent:
    """What an event of one of the types above says; raises `UnreadableMessage` if it says nothing of that."""
    try:
        return EndpointEvent.model_validate(event.data)
    except ValidationError as error:
        raise UnreadableMessage(f"no endpoint event: {cloudevents.first_fault(error)}") from error

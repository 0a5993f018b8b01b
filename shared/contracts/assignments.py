"""Who holds an order, as `assignments` carries it (DESIGN 4.10): enough to rebuild it."""

from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared.contracts import cloudevents
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.identifiers import ShopId, ThreeplId
from shared.contracts.links import Settings
from shared.contracts.orders import OrderId
from shared.errors import UnreadableMessage

ASSIGNED: Final = "com.orderdock.assignment.assigned"
UPDATED: Final = "com.orderdock.assignment.updated"
RELEASED: Final = "com.orderdock.assignment.released"
SOURCE = "/services/order-router"

AssignmentType = Literal[
    "com.orderdock.assignment.assigned",
    "com.orderdock.assignment.updated",
    "com.orderdock.assignment.released",
]
Stage = Literal["open", "picking", "queued", "shipped", "delivered", "returned", "cancelled"]
# In the order of `Side`: Python takes the two for one type, and says their values in the order of the first.
Holder = Literal["shop", "threepl"]
RequestKind = Literal["cancellation", "take_over"]
RequestStatus = Literal["open", "accepted", "refused", "lapsed"]


class Request(BaseModel):
    """What the shop asks of the 3PL that has begun its order, and what came of it (DESIGN 4.8)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: RequestKind
    status: RequestStatus
    requested_at: AwareDatetime


class Assignment(BaseModel):
    """One order's holder after one event, under which link, and its document.

    `sequence` counts the order's events from 1. `settings` is the snapshot taken from the link at
    its `settings_version`. After a release the link is the one the order came back from. `request` is
    the one that this event tells of.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    shop_id: ShopId
    order_id: OrderId
    sequence: int = Field(ge=1)
    holder: Holder
    stage: Stage
    threepl_id: ThreeplId
    link_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    epoch: int = Field(ge=0)
    settings: Settings
    settings_version: int = Field(ge=1)
    request: Request | None = None
    order: dict[str, Any] = Field(exclude=True)


def event_id(shop_id: str, order_id: str, sequence: int) -> str:
    """The stable id of an order's event: the same fact published twice has the same id."""
    return f"{shop_id}/{order_id}/{sequence}"


def key(shop_id: str, order_id: str) -> str:
    """The Kafka key of an order: shop id + order id."""
    return f"{shop_id}/{order_id}"


def write(assignment: Assignment, event_type: AssignmentType, document: str, now: AwareDatetime) -> bytes:
    """The event for `assignments`; `document` is the order as JSON text and goes in as it is."""
    data = f'{assignment.model_dump_json()[:-1]},"order":{document}}}'
    return cloudevents.write_raw(
        event_id=event_id(assignment.shop_id, assignment.order_id, assignment.sequence),
        source=SOURCE,
        event_type=event_type,
        subject=key(assignment.shop_id, assignment.order_id),
        time=now,
        data=data,
    )


def read(event: CloudEvent) -> Assignment:
    """The assignment in an event of one of the types above; raises `UnreadableMessage` if it holds none."""
    try:
        return Assignment.model_validate(event.data)
    except ValidationError as error:
        raise UnreadableMessage(f"no assignment: {cloudevents.first_fault(error)}") from error

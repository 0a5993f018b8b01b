"""How an order stands, as the API says it after an act."""

from pydantic import AwareDatetime, BaseModel

from order_router.orders import StoredOrder
from order_router.requests import LAPSE
from shared.contracts.assignments import Holder, RequestKind, Stage
from shared.contracts.shipments import Consignment


class OpenRequest(BaseModel):
    """What the shop asks of the 3PL; unanswered it lapses, as refused."""

    kind: RequestKind
    requested_at: AwareDatetime
    lapses_at: AwareDatetime


class OrderState(BaseModel):
    """An order and who holds it now; `link_id` and `threepl_id` are empty while the shop does."""

    shop_id: str
    order_id: str
    number: str
    stage: Stage
    holder: Holder
    threepl_id: str | None
    link_id: str | None
    requests: tuple[OpenRequest, ...]
    consignment: Consignment | None
    sequence: int


def state(order: StoredOrder) -> OrderState:
    """What is said of an order after an act on it, to either side."""
    holding = order.holding
    return OrderState(
        shop_id=order.shop_id,
        order_id=order.order_id,
        number=order.number,
        stage=order.stage,
        holder="threepl" if holding else "shop",
        threepl_id=holding.threepl_id if holding else None,
        link_id=holding.link_id if holding else None,
        requests=open_requests(order),
        consignment=order.consignment,
        sequence=order.sequence,
    )


def open_requests(order: StoredOrder) -> tuple[OpenRequest, ...]:
    """The requests that wait for an answer, in the order of their kinds."""
    return tuple(
        OpenRequest(kind=kind, requested_at=made, lapses_at=made + LAPSE)
        for kind, made in sorted(order.requests.items())
    )

"""Why an order lies where it does, in words: pure (DESIGN 4.7)."""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel

from order_router.orders import StoredOrder
from order_router.routing import Decision, Verdict
from order_router.visibility import decision_for
from shared.contracts.assignments import Holder
from shared.contracts.callers import Caller

CANCELLED = "It was not routed: it was cancelled before it could be."
NOT_ROUTABLE = (
    "It is not routed yet: as it stands it isn't to be fulfilled (it isn't paid, say). "
    "Its first version that is will route it."
)
WAITS = "It is not routed yet."
BY_HAND = "The shop gave it to a link by hand."


class Explanation(BaseModel):
    """The router's decision on an order, with each link that it considered, and a sentence that tells it.

    `link_id` is the link that was chosen then, `holder` who has the order now. Without `routed_at` it isn't
    routed, or was before times were kept.
    """

    shop_id: str
    order_id: str
    routed: bool
    routed_at: AwareDatetime | None
    link_id: str | None
    verdicts: tuple[Verdict, ...]
    holder: Holder
    sentence: str


def explain(caller: Caller, order: StoredOrder, routed_at: datetime | None) -> Explanation:
    """What the caller may know of the decision on an order that it sees, and that is up to its link."""
    decision = decision_for(caller, order)
    chosen = decision.link_id if decision else None
    is_own = caller.kind != "threepl" or chosen is not None
    return Explanation(
        shop_id=order.shop_id,
        order_id=order.order_id,
        routed=order.routed,
        routed_at=routed_at if is_own else None,
        link_id=chosen,
        verdicts=decision.verdicts if decision else (),
        holder="threepl" if order.holding else "shop",
        sentence=_sentence(order, decision) if is_own else BY_HAND,
    )


def _sentence(order: StoredOrder, decision: Decision | None) -> str:
    if decision is not None:
        return _told(order, decision)
    if order.routed:
        return BY_HAND
    if order.stage == "cancelled":
        return CANCELLED
    return WAITS if order.routable else NOT_ROUTABLE


def _told(order: StoredOrder, decision: Decision) -> str:
    held_by = order.holding.link_id if order.holding else None
    if decision.link_id is None:
        told = f"The router left it with the shop: {decision.reason}."
    else:
        told = f"The router sent it to link {decision.link_id}: {decision.reason}."
    if held_by == decision.link_id:
        return told
    return f"{told} Now {f'link {held_by} has it' if held_by else 'the shop has it'}."

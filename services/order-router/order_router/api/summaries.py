"""An order as lists and exports say it, to whom it may be said."""

from pydantic import AwareDatetime

from order_router.api.states import OrderState, state
from order_router.contents import Contents, contents
from order_router.store.seen import SeenOrder
from order_router.visibility import settings_for
from shared.contracts.callers import Caller
from shared.contracts.links import Settings


class OrderSummary(OrderState, Contents):
    """An order, who holds it now and what it is of.

    `settings` are those that the 3PL holds it under, `created_at` is when the router first heard of it. What
    its document says stands beside: `total` is a decimal string in `currency`, `item_count` counts pieces.
    """

    settings: Settings | None
    created_at: AwareDatetime


def summary(caller: Caller, seen: SeenOrder) -> OrderSummary:
    """The order as this caller may see it."""
    order = seen.order
    return OrderSummary(
        **dict(state(order)),
        **dict(contents(order.document or "")),
        settings=settings_for(caller, order.holding.settings) if order.holding else None,
        created_at=seen.created_at,
    )

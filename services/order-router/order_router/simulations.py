"""What other rules of a link would do to orders that have been: pure (DESIGN 4.7)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from pydantic import ValidationError

from order_router.orders import StoredOrder
from order_router.routing import Decision, decide
from shared.contracts.links import Link
from shared.contracts.orders import Order
from shared.contracts.rules import Rules

MOST_EXAMPLES = 20

Links = Mapping[str, Link]
Orders = Counter[str | None]  # how many go to each link; None: they stay with the shop


@dataclass(frozen=True)
class Example:
    """An order that would go elsewhere, as it is decided now and as it would be."""

    order: StoredOrder
    now: Decision
    proposed: Decision


@dataclass(frozen=True)
class Simulated:
    """Where orders go now and where they would; apart from them those that nothing is decided for."""

    now: Orders = field(default_factory=Counter)
    proposed: Orders = field(default_factory=Counter)
    moving: int = 0
    examples: tuple[Example, ...] = ()
    not_routable: int = 0
    unreadable: int = 0

    @property
    def decided(self) -> int:
        return self.now.total()

    def plus(self, other: "Simulated") -> "Simulated":
        """Both together."""
        return Simulated(
            self.now + other.now,
            self.proposed + other.proposed,
            self.moving + other.moving,
            (self.examples + other.examples)[:MOST_EXAMPLES],
            self.not_routable + other.not_routable,
            self.unreadable + other.unreadable,
        )


def with_rules(links: Links, link_id: str, rules: Rules) -> Links:
    """The shop's links with these rules for one of them."""
    return {**links, link_id: links[link_id].model_copy(update={"rules": rules})}


def simulate(orders: Iterable[StoredOrder], now: Links, proposed: Links) -> Simulated:
    """What both sets of links make of the orders as they are; no link's limit counts."""
    return reduce(Simulated.plus, (_simulated(order, now, proposed) for order in orders), Simulated())


def _simulated(order: StoredOrder, now: Links, proposed: Links) -> Simulated:
    if not order.routed and (not order.routable or order.stage == "cancelled"):
        return Simulated(not_routable=1)
    try:
        document = Order.model_validate_json(order.document or "")
    except ValidationError:
        return Simulated(unreadable=1)
    before, after = (decide(links.values(), document, {}) for links in (now, proposed))
    decided = Simulated(now=Counter([before.link_id]), proposed=Counter([after.link_id]))
    if before.link_id == after.link_id:
        return decided
    return replace(decided, moving=1, examples=(Example(order, before, after),))

"""Whether a link's rules let an order through, and why not: pure (DESIGN 3)."""

from collections.abc import Callable, Iterable
from typing import Any

from shared.contracts.orders import Address, Order
from shared.contracts.rules import Condition, FieldName, Operator, Rule, Rules, UnknownRules, comparable

MOST_SAID = 200  # characters of a reason
_LISTED = 3  # values of a condition


class Facts(dict[FieldName, frozenset[Any]]):
    """What an order says in each field, as it compares; worked out when first asked for.

    What is missing is empty text, which is in no list, in no range and begins with nothing. Lines of
    which nothing is to be shipped say nothing.
    """

    def __init__(self, order: Order) -> None:
        super().__init__()
        self.order = order

    def __missing__(self, field: FieldName) -> frozenset[Any]:
        self[field] = frozenset(comparable(field, value) for value in _VALUES[field](self.order))
        return self[field]


def refusal(rules: Rules | UnknownRules, facts: Facts) -> str | None:
    """Why a link's rules keep an order back, in at most 200 characters; None if they let it through.

    Its priority, share and limit have no part in it.
    """
    if isinstance(rules, UnknownRules):
        return "its rules say what this version of the router does not know"
    holding = _first_that_holds(rules.rules, facts)
    if rules.polarity == "send":
        return None if holding or not rules.rules else "no rule lets this order through"
    return _kept_back(holding, rules.rules[holding - 1]) if holding else None


def _first_that_holds(rules: Iterable[Rule], facts: Facts) -> int:
    """The number of the first rule that holds, from 1; 0 if none does."""
    for number, rule in enumerate(rules, 1):
        if all(_holds(condition, facts) for condition in rule.conditions):
            return number
    return 0


def _holds(condition: Condition, facts: Facts) -> bool:
    if condition.currency not in (None, facts.order.currency):
        return False
    return _TESTS[condition.operator](condition, facts[condition.field])


def _address(order: Order) -> Address:
    return order.client.delivery_address or Address()


_TESTS: dict[Operator, Callable[[Condition, frozenset[Any]], bool]] = {
    "in": lambda wanted, said: not wanted.listed.isdisjoint(said),
    "not_in": lambda wanted, said: wanted.listed.isdisjoint(said),
    "prefix": lambda wanted, said: any(value.startswith(wanted.values) for value in said),
    "at_least": lambda wanted, said: any(wanted.values[0] <= value for value in said),
    "at_most": lambda wanted, said: any(value <= wanted.values[0] for value in said),
    "between": lambda wanted, said: any(wanted.values[0] <= value <= wanted.values[1] for value in said),
}
_VALUES: dict[FieldName, Callable[[Order], Iterable[str | int]]] = {
    "delivery_country": lambda order: [_address(order).country or ""],
    "postcode": lambda order: [_address(order).postcode],
    "sku": lambda order: [line.sku for line in order.lines if line.quantity],
    "product_tag": lambda order: [tag for line in order.lines if line.quantity for tag in line.tags],
    "total": lambda order: [order.totals.total],
    "weight": lambda order: [sum(line.quantity * (line.weight or 0) for line in order.lines)],
    "item_count": lambda order: [sum(line.quantity for line in order.lines)],
    "shipping_method": lambda order: [order.shipping.method],
    "sales_channel": lambda order: [order.channel],
    "order_tag": lambda order: order.tags,
}


def _kept_back(number: int, rule: Rule) -> str:
    reason = f"rule {number} keeps it back: {' and '.join(map(_words, rule.conditions))}"
    return reason if len(reason) <= MOST_SAID else reason[: MOST_SAID - 1] + "…"


def _words(condition: Condition) -> str:
    given = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    values = " and " if condition.operator == "between" else ", "
    listed = values.join(str(value) for value in given[:_LISTED])
    more = f" and {len(given) - _LISTED} more" if len(given) > _LISTED else ""
    currency = f" {condition.currency}" if condition.currency else ""
    return f"{condition.field} {condition.operator} {listed}{more}{currency}"

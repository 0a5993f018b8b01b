"""What DESIGN 4.8 and 4.9 say of the acts of an order's two sides, in plain dicts and ifs."""

from tests.component.order_router.order_told import Body, OrderTold

MOVES = {
    "start": (("open",), "picking"),
    "queue": (("open", "picking"), "queued"),
    "deliver": (("shipped",), "delivered"),
    "return": (("shipped", "delivered"), "returned"),
}
SHOPS_ACTS = ("assign", "take_over")
BEGUN = ("picking", "queued")

_SHIPPED = ("shop_id", "order_id", "sequence", "threepl_id", "link_id")
_TERMS = ("client_reference", "shipping_rules_from", "charge_to", "support_tickets_from")


def done(order: OrderTold, act: str, given: Body) -> set[str]:
    """Does to an order what a side of it may do, or answers the reasons why not."""
    if act in MOVES:
        return _moved(order, act)
    if act == "ship":
        return _shipped(order, given)
    if act == "take_over":
        return _taken_over(order)
    return _answered(order, **given)


def _moved(order: OrderTold, act: str) -> set[str]:
    before, after = MOVES[act]
    if order.stage == after:
        return set()
    if order.stage not in before:
        return {"wrong-stage"}
    _go_to(order, after)
    return set()


def _shipped(order: OrderTold, consignment: Body) -> set[str]:
    """Refuses what is asked still. The shipment names whose terms apply, from the snapshot."""
    if order.stage == "shipped" and order.consignment == consignment:
        return set()
    if order.stage not in ("open", *BEGUN):
        return {"wrong-stage"}
    for kind in sorted(order.requests):
        order.end(kind, "refused")
    order.consignment = consignment
    _go_to(order, "shipped")
    told = order.events[-1]
    names = {name: told[name] for name in _SHIPPED}
    terms = {name: told["settings"][name] for name in _TERMS}
    order.events.append({"type": "shipment", **names, **terms, **consignment})
    return set()


def _taken_over(order: OrderTold) -> set[str]:
    """An open order at once; one that is begun is only asked for, and once."""
    if order.holding is None:
        return set()
    if order.stage == "open":
        order.give_back()
    elif order.stage not in BEGUN:
        return {"wrong-stage"}
    elif "take_over" not in order.requests:
        order.ask("take_over")
    return set()


def _answered(order: OrderTold, kind: str, accept: bool) -> set[str]:
    """What else is asked ends with a request that is accepted."""
    if kind not in order.requests:
        return {"no-request"}
    if not accept:
        order.end(kind, "refused")
    elif kind == "cancellation":
        for other in sorted(order.requests - {kind}):
            order.end(other, "refused")
        _cancel(order)
    else:
        _give_back(order)
    return set()


def _give_back(order: OrderTold) -> None:
    """Who gives it back doesn't stand in the way of its cancellation; cancelled is final."""
    if "cancellation" in order.requests:
        _cancel(order)
    order.requests.clear()
    order.overdue.clear()
    order.stage = "cancelled" if order.says_cancelled else "open"
    order.give_back({"kind": "take_over", "status": "accepted"})


def _cancel(order: OrderTold) -> None:
    order.stage = "cancelled"
    order.end("cancellation", "accepted")


def _go_to(order: OrderTold, stage: str) -> None:
    assert order.holding
    order.stage = stage
    order.tell("updated", order.holding)

"""What the shop asks of a 3PL that has begun its order, and how that ends: pure (DESIGN 4.8)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from order_router.orders import Actor, Outcome, StoredOrder, announced, changed, noted
from shared.contracts import assignments
from shared.contracts.assignments import Request, RequestKind, RequestStatus, Stage

LAPSE: Final = timedelta(hours=24)
# The 3PL has begun the order, and it isn't on its way: something can still be asked of it.
BEGUN: Final[frozenset[Stage]] = frozenset({"picking", "queued"})


def asked(order: StoredOrder, kind: RequestKind, now: datetime, actor: Actor | None = None) -> Outcome:
    """The order with an open request, which its 3PL is told of; a second one of a kind asks nothing."""
    assert order.holding is not None
    if kind in order.requests:
        return Outcome(order)
    waiting = changed(order, requests={**order.requests, kind: now})
    request = Request(kind=kind, status="open", requested_at=now)
    said = announced(waiting, assignments.UPDATED, order.holding, request)
    return said.then(partial(noted, act=f"{kind}_requested", actor=actor))


def too_late(order: StoredOrder, kind: RequestKind, now: datetime) -> Outcome:
    """The order after a request that nothing can come of any more: it is on its way, which refuses it."""
    assert order.holding is not None
    request = Request(kind=kind, status="refused", requested_at=now)
    said = announced(order, assignments.UPDATED, order.holding, request)
    return said.then(partial(noted, act=f"{kind}_refused"))


def refused(
    order: StoredOrder,
    kinds: Iterable[RequestKind],
    status: RequestStatus = "refused",
    actor: Actor | None = None,
) -> Outcome:
    """The order after these requests were refused, or lapsed: it goes on as if nothing had been asked."""
    outcome = Outcome(order)
    for kind in sorted(kinds):
        outcome = outcome.then(partial(_refused, kind=kind, status=status, actor=actor))
    return outcome


def accepted(order: StoredOrder, kind: RequestKind, actor: Actor) -> Outcome:
    """The order after a request was accepted; what else was asked ends with it.

    A taken over order is open with the shop, or cancelled if a version has said so; a cancelled one
    stays with the 3PL.
    """
    return _cancelled(order, actor) if kind == "cancellation" else _taken_over(order, actor)


def lapsing(order: StoredOrder, now: datetime) -> list[RequestKind]:
    """The kinds of the open requests whose time is over."""
    return [kind for kind, made in sorted(order.requests.items()) if now - made >= LAPSE]


def _refused(order: StoredOrder, kind: RequestKind, status: RequestStatus, actor: Actor | None) -> Outcome:
    assert order.holding is not None
    left = changed(order, requests=_without(order, kind))
    said = announced(left, assignments.UPDATED, order.holding, _ended(order, kind, status))
    return said.then(partial(noted, act=f"{kind}_{status}", actor=actor))


def _cancelled(order: StoredOrder, actor: Actor) -> Outcome:
    others = refused(order, order.requests.keys() - {"cancellation"}, actor=actor)
    return others.then(partial(_cancellation_accepted, actor=actor))


def _cancellation_accepted(order: StoredOrder, actor: Actor) -> Outcome:
    assert order.holding is not None
    cancelled = changed(order, stage="cancelled", requests=_without(order, "cancellation"))
    request = _ended(order, "cancellation", "accepted")
    said = announced(cancelled, assignments.UPDATED, order.holding, request)
    return said.then(partial(noted, act="cancellation_accepted", actor=actor))


def _taken_over(order: StoredOrder, actor: Actor) -> Outcome:
    """Who gives an order back doesn't stand in the way of its cancellation."""
    asked_too = "cancellation" in order.requests
    ended = _cancellation_accepted(order, actor) if asked_too else Outcome(order)
    return ended.then(partial(_given_back, actor=actor))


def _given_back(order: StoredOrder, actor: Actor) -> Outcome:
    assert order.holding is not None
    stage: Stage = "cancelled" if order.says_cancelled else "open"
    back = changed(order, holding=None, stage=stage, requests={})
    said = announced(back, assignments.RELEASED, order.holding, _ended(order, "take_over", "accepted"))
    return said.then(partial(noted, act="take_over_accepted", actor=actor))


def _ended(order: StoredOrder, kind: RequestKind, status: RequestStatus) -> Request:
    return Request(kind=kind, status=status, requested_at=order.requests[kind])


def _without(order: StoredOrder, kind: RequestKind) -> dict[RequestKind, datetime]:
    return {each: made for each, made in order.requests.items() if each != kind}

"""What the two sides may do with an order, and what becomes of it: pure (DESIGN 4.3, 4.8, 4.9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Literal

from order_router.orders import Actor, Outcome, StoredOrder, announced, changed, holding_under, noted, under
from order_router.requests import BEGUN, accepted, asked, refused
from shared.contracts import assignments
from shared.contracts.assignments import RequestKind, Stage
from shared.contracts.links import Link, Side
from shared.contracts.shipments import Consignment, Shipment
from shared.errors import Problem, not_found

Move = Literal["start", "queue", "deliver", "return"]

# From which stages a 3PL moves an order, and to which. An act that has been done already changes nothing.
MOVES: Final[Mapping[Move, tuple[frozenset[Stage], Stage]]] = {
    "start": (frozenset({"open"}), "picking"),
    "queue": (frozenset({"open", "picking"}), "queued"),
    "deliver": (frozenset({"shipped"}), "delivered"),
    "return": (frozenset({"shipped", "delivered"}), "returned"),
}
SHIPPABLE: Final[frozenset[Stage]] = frozenset({"open", "picking", "queued"})


@dataclass(frozen=True)
class MoveOn:
    """The 3PL moves an order to the act's stage."""

    act: Move
    side: Side = "threepl"


@dataclass(frozen=True)
class Ship:
    """The 3PL has handed an order to a carrier."""

    consignment: Consignment
    side: Side = "threepl"


@dataclass(frozen=True)
class Answer:
    """The 3PL accepts or refuses what the shop asks."""

    kind: RequestKind
    accept: bool
    side: Side = "threepl"


@dataclass(frozen=True)
class Assign:
    """The shop gives an order that it holds to one of its active links."""

    link_id: str
    side: Side = "shop"


@dataclass(frozen=True)
class TakeOver:
    """The shop takes an order back, or asks for it once the 3PL has begun it."""

    side: Side = "shop"


Act = MoveOn | Ship | Answer | Assign | TakeOver


def perform(order: StoredOrder, act: Act, links: Mapping[str, Link], now: datetime, actor: Actor) -> Outcome:
    """The order after an act of a side that sees it; `links` are all its shop's, by id.

    It is up to its own link already. Raises `Problem`: 409 where it stands otherwise than the act wants, 404
    for a link that is not there.
    """
    if isinstance(act, MoveOn):
        return _move(order, act.act, actor)
    if isinstance(act, Ship):
        return _ship(order, act.consignment, now, actor)
    if isinstance(act, Answer):
        return _answer(order, act, actor)
    if isinstance(act, Assign):
        return _assign(order, links.get(act.link_id), actor)
    return _take_over(order, now, actor)


def _move(order: StoredOrder, act: Move, actor: Actor) -> Outcome:
    before, after = MOVES[act]
    if order.stage == after:
        return Outcome(order)
    if order.stage not in before:
        raise _wrong_stage(order, act, before)
    return _moved(order, after, act, actor)


def _ship(order: StoredOrder, consignment: Consignment, now: datetime, actor: Actor) -> Outcome:
    """What the shop still asked is refused by it: the order is on its way."""
    if order.stage == "shipped" and order.consignment == consignment:
        return Outcome(order)
    if order.stage not in SHIPPABLE:
        raise _wrong_stage(order, "ship", SHIPPABLE)
    answered = refused(order, order.requests, actor=actor)
    return answered.then(
        lambda before: _moved(changed(before, consignment=consignment), "shipped", "ship", actor)
    ).then(lambda shipped: Outcome(shipped, shipments=(_shipment(shipped, consignment, now),)))


def _answer(order: StoredOrder, answer: Answer, actor: Actor) -> Outcome:
    if answer.kind not in order.requests:
        raise Problem(
            409, "no-request", f"No {answer.kind.replace('_', '-')} of this order waits for an answer."
        )
    if answer.accept:
        return accepted(order, answer.kind, actor)
    return refused(order, [answer.kind], actor=actor)


def _assign(order: StoredOrder, link: Link | None, actor: Actor) -> Outcome:
    """An assignment by hand stands in place of routing, and no limit caps it."""
    if link is None or link.status == "deleted":
        raise not_found("link")
    if order.holding is not None and order.holding.link_id == link.id:
        return Outcome(order)
    if order.holding is not None:
        raise Problem(409, "held-by-threepl", "A 3PL holds this order: take it over first.")
    if order.stage != "open":
        raise _wrong_stage(order, "assign", frozenset({"open"}))
    if not order.routable:
        detail = "This order isn't to be fulfilled as it stands: it isn't paid, say, or is fulfilled already."
        raise Problem(409, "not-routable", detail)
    if link.status != "active":
        raise Problem(409, "link-not-active", f"The link is {link.status}; orders go to active ones only.")
    holding = holding_under(link)
    said = announced(changed(under(order, holding), routed=True), assignments.ASSIGNED, holding)
    return said.then(partial(noted, act="assign", actor=actor))


def _take_over(order: StoredOrder, now: datetime, actor: Actor) -> Outcome:
    if order.holding is None:
        return Outcome(order)
    if order.stage in BEGUN:
        return asked(order, "take_over", now, actor)
    if order.stage != "open":
        raise _wrong_stage(order, "take-over", BEGUN | {"open"})
    said = announced(changed(order, holding=None), assignments.RELEASED, order.holding)
    return said.then(partial(noted, act="take_over", actor=actor))


def _moved(order: StoredOrder, stage: Stage, act: str, actor: Actor) -> Outcome:
    assert order.holding is not None
    said = announced(changed(order, stage=stage), assignments.UPDATED, order.holding)
    return said.then(partial(noted, act=act, actor=actor))


def _shipment(order: StoredOrder, consignment: Consignment, now: datetime) -> Shipment:
    assert order.holding is not None
    settings = order.holding.settings
    return Shipment(
        **dict(consignment),
        shop_id=order.shop_id,
        order_id=order.order_id,
        sequence=order.sequence,
        threepl_id=order.holding.threepl_id,
        link_id=order.holding.link_id,
        client_reference=settings.client_reference,
        shipping_rules_from=settings.shipping_rules_from,
        charge_to=settings.charge_to,
        support_tickets_from=settings.support_tickets_from,
        shipped_at=now,
    )


def _wrong_stage(order: StoredOrder, act: str, wanted: frozenset[Stage]) -> Problem:
    stages = " or ".join(stage for stage in STAGES if stage in wanted)
    return Problem(
        409,
        "wrong-stage",
        f"The order is {order.stage}; {act} is for orders that are {stages}.",
        stage=order.stage,
    )


STAGES: Final[tuple[Stage, ...]] = (
    "open",
    "picking",
    "queued",
    "shipped",
    "delivered",
    "returned",
    "cancelled",
)

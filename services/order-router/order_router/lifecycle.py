"""What becomes of an order when an event of it comes, or its link has moved on: pure (DESIGN 4)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from order_router.orders import (
    Holding,
    Outcome,
    StoredOrder,
    Version,
    announced,
    changed,
    holding_under,
    noted,
    under,
)
from order_router.requests import BEGUN, asked, lapsing, refused, too_late
from order_router.routing import Counts, Decision, decide
from order_router.sources import OrderEvent
from shared.contracts import assignments
from shared.contracts.links import Link, Settings
from shared.contracts.orders import Order, document, same_content

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Shops = Mapping[str, Mapping[str, Link]]  # each shop's links by id
TOO_LATE = "its first routable version came too late"


@dataclass(frozen=True)
class Circumstances:
    """What decides besides an order and its event: the shop's links by id, today's counts of those that
    have a limit, the time, and how old a first routable version may be."""

    links: Mapping[str, Link]
    counts: Counts
    now: datetime
    route_max_age: timedelta


def version_of(event: OrderEvent, topic: str, partition: int, offset: int) -> Version:
    """The version of an event at a place on Kafka."""
    revision = event.order.revision
    number = (event.time - EPOCH) // timedelta(microseconds=1) if revision is None else revision
    return Version(number, topic, partition, offset)


def link_of(order: StoredOrder, shops: Shops) -> Link | None:
    """The link that an order is held under."""
    return shops[order.shop_id].get(order.holding.link_id) if order.holding else None


def open_version(link: Link) -> int:
    """The link's version at the last change of settings that was meant for open orders too."""
    return max((setting.version for setting in link.open_settings.values()), default=0)


def bring_up(order: StoredOrder, link: Link | None, now: datetime) -> Outcome:
    """The order as its link and the time have it: back with the shop, under the newer open settings, or
    without the requests that nobody answered."""
    if not _is_behind(order, link):
        return refused(order, lapsing(order, now), "lapsed")
    assert link is not None
    assert order.holding is not None
    if order.holding.epoch < link.epoch:
        return _release(order)
    return noted(changed(order, holding=_with_open_settings(order.holding, link)), "settings_taken")


def apply_event(
    order: StoredOrder, event: OrderEvent, version: Version, circumstances: Circumstances
) -> Outcome:
    """The order after an event. An older version changes nothing.

    The order is up to its link already (`bring_up`).
    """
    if order.version is not None and version <= order.version:
        return Outcome(order)
    newer = changed(
        order,
        version=version,
        document=document(event.order),
        search=_search(event.order),
        number=event.order.number,
        routable=event.order.routable,
        says_cancelled=order.says_cancelled or event.cancelled,
        stage="cancelled" if event.cancelled and order.stage == "open" else order.stage,
    )
    if newer.stage == "open" and not newer.routed and event.order.routable:
        return _route(newer, event, circumstances)
    if newer.says_cancelled and not order.says_cancelled and newer.holding and newer.stage != "cancelled":
        return _cancellation(newer, circumstances.now)
    return _updated(order, newer)


def _search(order: Order) -> str:
    """What an order is found by, in small letters; PostgreSQL's text holds no NUL."""
    client, address = order.client, order.client.delivery_address
    words = (order.number, order.id, client.name, client.email, address.name if address else "")
    return " ".join(filter(None, words)).lower().replace("\0", "")


def _is_behind(order: StoredOrder, link: Link | None) -> bool:
    if order.holding is None or order.stage != "open" or link is None:
        return False
    return order.holding.epoch < link.epoch or order.holding.settings_version < open_version(link)


def _cancellation(order: StoredOrder, now: datetime) -> Outcome:
    """The first version that says so asks the 3PL that has begun the order; later ones only repeat it."""
    return asked(order, "cancellation", now) if order.stage in BEGUN else too_late(order, "cancellation", now)


def _updated(order: StoredOrder, newer: StoredOrder) -> Outcome:
    if newer.stage == order.stage and order.version and same_content(order.document, newer.document):
        return Outcome(newer)
    act = _act(order, newer)
    if newer.holding is None:
        return noted(newer, act)
    return announced(newer, assignments.UPDATED, newer.holding).then(partial(noted, act=act))


def _act(order: StoredOrder, newer: StoredOrder) -> str:
    if newer.stage != order.stage:
        return "cancelled"
    return "updated" if order.version else "received"


def _route(order: StoredOrder, event: OrderEvent, circumstances: Circumstances) -> Outcome:
    decision = _decided(event, circumstances)
    routed = changed(order, routed=True, decision=decision)
    if decision.link_id is None:
        return noted(routed, "routed", decision.reason)
    holding = holding_under(circumstances.links[decision.link_id])
    assigned = announced(under(routed, holding), assignments.ASSIGNED, holding)
    return assigned.then(partial(noted, act="routed", detail=decision.reason))


def _decided(event: OrderEvent, circumstances: Circumstances) -> Decision:
    if circumstances.now - event.time > circumstances.route_max_age:
        return Decision(link_id=None, verdicts=(), reason=TOO_LATE)
    return decide(circumstances.links.values(), event.order, circumstances.counts)


def _release(order: StoredOrder) -> Outcome:
    assert order.holding is not None
    released = announced(changed(order, holding=None), assignments.RELEASED, order.holding)
    return released.then(partial(noted, act="released", detail="the link was deactivated or deleted"))


def _with_open_settings(holding: Holding, link: Link) -> Holding:
    newer = {
        name: setting.value
        for name, setting in link.open_settings.items()
        if setting.version > holding.settings_version
    }
    settings = Settings.model_validate({**holding.settings.model_dump(), **newer})
    return replace(holding, settings=settings, settings_version=open_version(link))

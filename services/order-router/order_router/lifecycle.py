"""What becomes of an order when an event of it comes, or its link has moved on: pure (DESIGN 4)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from order_router.routing import Decision, decide
from order_router.sources import OrderEvent
from shared.contracts import assignments
from shared.contracts.assignments import Assignment, AssignmentType, Stage
from shared.contracts.links import Link, Settings
from shared.contracts.orders import Order, content_hash

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Version(NamedTuple):
    """Which snapshot of an order is newer: its number, at a tie the greater place on Kafka.

    `number` is the order's revision, or the event's time in microseconds since 1970.
    """

    number: int
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Holding:
    """Under which link a 3PL holds an order, with the snapshot of the link's settings."""

    link_id: str
    threepl_id: str
    epoch: int
    settings: Settings
    settings_version: int


@dataclass(frozen=True)
class StoredOrder:
    """An order as it stands; before its first event it has no version. `document` None: not loaded."""

    shop_id: str
    order_id: str
    version: Version | None = None
    document: str | None = None
    content_hash: bytes = b""
    number: str = ""
    stage: Stage = "open"
    routed: bool = False
    decision: Decision | None = None
    holding: Holding | None = None
    sequence: int = 0


@dataclass(frozen=True)
class Announcement:
    """An event for `assignments`, about the order as it then stood."""

    type: AssignmentType
    assignment: Assignment
    document: str


@dataclass(frozen=True)
class Outcome:
    """An order after a change, and what is to be said of it."""

    order: StoredOrder
    announcements: tuple[Announcement, ...] = ()


def version_of(event: OrderEvent, topic: str, partition: int, offset: int) -> Version:
    """The version of an event at a place on Kafka."""
    revision = event.order.revision
    number = (event.time - EPOCH) // timedelta(microseconds=1) if revision is None else revision
    return Version(number, topic, partition, offset)


def is_behind(order: StoredOrder, link: Link | None) -> bool:
    """Whether an order in stage `open` hasn't followed its link yet (DESIGN 4.5)."""
    if order.holding is None or order.stage != "open" or link is None:
        return False
    return order.holding.epoch < link.epoch or order.holding.settings_version < open_version(link)


def open_version(link: Link) -> int:
    """The link's version at the last change of settings that was meant for open orders too."""
    return max((setting.version for setting in link.open_settings.values()), default=0)


def bring_up(order: StoredOrder, link: Link | None) -> Outcome:
    """The order as its link has it now: back with the shop, or under the newer open settings."""
    if not is_behind(order, link):
        return Outcome(order)
    assert link is not None
    assert order.holding is not None
    if order.holding.epoch < link.epoch:
        return _release(order)
    return Outcome(replace(order, holding=_with_open_settings(order.holding, link)))


def apply_event(
    order: StoredOrder,
    event: OrderEvent,
    version: Version,
    links: Mapping[str, Link],
    now: datetime,
    route_max_age: timedelta,
) -> Outcome:
    """The order after an event; `links` are all the shop's, by id. An older version changes nothing.

    The order is up to its link already (`bring_up`).
    """
    if order.version is not None and version <= order.version:
        return Outcome(order)
    changed = replace(
        order,
        version=version,
        document=event.order.model_dump_json(exclude_unset=True),
        content_hash=content_hash(event.order),
        number=event.order.number,
        stage="cancelled" if event.cancelled and order.stage == "open" else order.stage,
    )
    if changed.stage == "open" and not changed.routed and event.order.routable:
        return _route(changed, event.order, links, now - event.time > route_max_age)
    if changed.holding and (changed.content_hash, changed.stage) != (order.content_hash, order.stage):
        return _announce(changed, assignments.UPDATED, changed.holding)
    return Outcome(changed)


def _route(order: StoredOrder, content: Order, links: Mapping[str, Link], too_old: bool) -> Outcome:
    if too_old:
        decision = Decision(link_id=None, verdicts=(), reason="its first routable version came too late")
    else:
        decision = decide(links.values(), content)
    routed = replace(order, routed=True, decision=decision)
    if decision.link_id is None:
        return Outcome(routed)
    holding = _holding(links[decision.link_id])
    return _announce(replace(routed, holding=holding), assignments.ASSIGNED, holding)


def _holding(link: Link) -> Holding:
    assert link.threepl_id is not None, "an active link has both sides"
    return Holding(link.id, link.threepl_id, link.epoch, link.settings, link.version)


def _release(order: StoredOrder) -> Outcome:
    assert order.holding is not None
    return _announce(replace(order, holding=None), assignments.RELEASED, order.holding)


def _with_open_settings(holding: Holding, link: Link) -> Holding:
    newer = {
        name: setting.value
        for name, setting in link.open_settings.items()
        if setting.version > holding.settings_version
    }
    settings = Settings.model_validate({**holding.settings.model_dump(), **newer})
    return replace(holding, settings=settings, settings_version=open_version(link))


def _announce(order: StoredOrder, event_type: AssignmentType, holding: Holding) -> Outcome:
    """Counts the event and says it, under the link that the order is, or until now was, held by."""
    counted = replace(order, sequence=order.sequence + 1)
    assignment = Assignment(
        shop_id=counted.shop_id,
        order_id=counted.order_id,
        sequence=counted.sequence,
        holder="shop" if counted.holding is None else "threepl",
        stage=counted.stage,
        threepl_id=holding.threepl_id,
        link_id=holding.link_id,
        epoch=holding.epoch,
        settings=holding.settings,
        settings_version=holding.settings_version,
        order={},
    )
    assert counted.document is not None, "whoever announces has loaded the document"
    return Outcome(counted, (Announcement(event_type, assignment, counted.document),))

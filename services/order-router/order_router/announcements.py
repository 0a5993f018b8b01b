"""What `assignments` is told of orders, and the line the log gets of each."""

from collections.abc import Iterable
from datetime import datetime

import structlog

from order_router.orders import Announcement, Outcome
from shared import outbox
from shared.contracts import assignments, shipments
from shared.contracts.shipments import Shipment

log = structlog.get_logger()


def messages(outcomes: Iterable[Outcome], topic: str, now: datetime) -> list[outbox.Message]:
    """The outcomes' announcements and shipments as messages under their order's key."""
    said: list[outbox.Message] = []
    for outcome in outcomes:
        key = assignments.key(outcome.order.shop_id, outcome.order.order_id).encode()
        values = [_written(each, now) for each in outcome.announcements]
        values += [shipments.write(each) for each in outcome.shipments]
        said += [outbox.Message(topic, key, value) for value in values]
    return said


def log_outcomes(outcomes: Iterable[Outcome]) -> None:
    """One wide line for each announcement and shipment."""
    for outcome in outcomes:
        for each in outcome.announcements:
            _log(each)
        for shipment in outcome.shipments:
            log.info("order.shipped", **_ids(shipment))


def _written(announcement: Announcement, now: datetime) -> bytes:
    return assignments.write(announcement.assignment, announcement.type, announcement.document, now)


def _log(announcement: Announcement) -> None:
    said = announcement.assignment.model_dump(
        exclude={"settings", "settings_version", "request"}, mode="json"
    )
    request = announcement.assignment.request
    if request is not None:
        said |= {"request": request.kind, "request_status": request.status}
    log.info("order." + announcement.type.rpartition(".")[2], **said)


def _ids(shipment: Shipment) -> dict[str, object]:
    return shipment.model_dump(
        include={"shop_id", "order_id", "sequence", "threepl_id", "link_id", "carrier"}
    )

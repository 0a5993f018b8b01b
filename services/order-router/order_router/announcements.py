"""What `assignments` is told of an order, and the line the log gets of it."""

from collections.abc import Iterable
from datetime import datetime

import structlog

from order_router.lifecycle import Announcement
from shared import outbox
from shared.contracts import assignments

log = structlog.get_logger()


def messages(announcements: Iterable[Announcement], topic: str, now: datetime) -> list[outbox.Message]:
    """The announcements as messages under their order's key."""
    return [
        outbox.Message(
            topic,
            assignments.key(each.assignment.shop_id, each.assignment.order_id).encode(),
            assignments.write(each.assignment, each.type, each.document, now),
        )
        for each in announcements
    ]


def log_announcements(announcements: Iterable[Announcement]) -> None:
    """One wide line for each outcome."""
    for each in announcements:
        log.info(
            "order." + each.type.rpartition(".")[2],
            **each.assignment.model_dump(exclude={"settings", "settings_version"}),
        )

"""Which webhook an assignment event makes, and where it goes (DESIGN 5.1 and 5.3)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from shared.contracts import assignments
from shared.contracts.assignments import Assignment
from shared.contracts.deliveries import Webhook, WebhookAssignment, WebhookType
from shared.contracts.links import Link
from webhook_dispatcher.endpoints import endpoint_id

TYPES: Mapping[str, WebhookType] = MappingProxyType(
    {
        assignments.ASSIGNED: "order.created",
        assignments.UPDATED: "order.updated",
        assignments.RELEASED: "order.updated",
    }
)
# A test event: tried once, and nobody but who sent it is told what came of it.
TEST = "webhook.test"

_WEBHOOKS = uuid.UUID("5b8f0d1e-6a43-4c0b-9a51-0f2b3d6c7e81")


@dataclass(frozen=True, slots=True)
class OpenUrl:
    """A link's last `webhook_url` that was meant for open orders too, and its version (0: there was none)."""

    version: int = 0
    url: str | None = None


@dataclass(frozen=True, slots=True)
class AssignmentEvent:
    """An assignment with the event that told of it."""

    id: str
    type: WebhookType
    time: datetime
    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint; without a URL it ends `withdrawn`."""

    webhook_id: str
    event: AssignmentEvent
    url: str | None
    body: bytes

    @property
    def endpoint_id(self) -> str | None:
        """The id of the endpoint it goes to."""
        return None if self.url is None else endpoint_id(self.event.assignment.link_id, self.url)


def webhook_id(event_id: str, link_id: str) -> str:
    """The same for the same event and link, over all attempts and restarts."""
    return f"msg_{uuid.uuid5(uuid.uuid5(_WEBHOOKS, link_id), event_id).hex}"


def open_url(link: Link) -> OpenUrl:
    """The URL a link means for open orders too."""
    setting = link.open_settings.get("webhook_url")
    return OpenUrl() if setting is None else OpenUrl(setting.version, setting.value)


def delivery(event: AssignmentEvent, meant_for_open: OpenUrl) -> Delivery | None:
    """The delivery an event makes, or None if no URL was ever in force for it."""
    assignment = event.assignment
    url = assignment.settings.webhook_url
    if assignment.settings_version < meant_for_open.version:
        url = meant_for_open.url
    if url is None and assignment.settings.webhook_url is None:
        return None
    return Delivery(webhook_id(event.id, assignment.link_id), event, url, body(event))


def body(event: AssignmentEvent) -> bytes:
    """What the endpoint receives, the same bytes at each attempt."""
    assignment = event.assignment
    webhook = Webhook(
        type=event.type,
        timestamp=event.time,
        sequence=assignment.sequence,
        data=assignment.order,
        assignment=WebhookAssignment(
            link_id=assignment.link_id,
            shop_id=assignment.shop_id,
            threepl_id=assignment.threepl_id,
            holder=assignment.holder,
            stage=assignment.stage,
            epoch=assignment.epoch,
            settings=assignment.settings,
            client_reference=assignment.settings.client_reference,
            request=assignment.request,
        ),
    )
    return webhook.model_dump_json().encode()

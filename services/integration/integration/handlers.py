"""A message came: the owner of an endpoint is told by mail that it fails or is disabled, once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from integration.correspondence import Correspondence
from integration.mail_texts import Text
from integration.store import accounts
from shared.contracts import cloudevents, deliveries
from shared.contracts.deliveries import EndpointEvent
from shared.kafka.batches import Batch
from shared.kafka.records import Record

TEXTS: dict[str, Text] = {
    deliveries.ENDPOINT_WARNED: "endpoint-warned",
    deliveries.ENDPOINT_DISABLED: "endpoint-disabled",
}


@dataclass(frozen=True)
class Told:
    """An event that its owner is to be told of, under the event's own id."""

    event_id: str
    text: Text
    event: EndpointEvent


@dataclass(frozen=True)
class DeliveriesHandler:
    """Handles batches of `deliveries`; `post` wakes the mailer after a commit."""

    letters: Correspondence
    post: Callable[[], None]

    async def on_deliveries(self, batch: Batch) -> None:
        """The same event brought again writes the mail of the same id, which is there already."""
        for told in batch.read(read_told):
            owner = await accounts.find(batch.connection, told.event.threepl_id)
            if owner is not None:
                now = datetime.now(UTC)
                await self.letters.endpoint(
                    batch.connection, told.text, told.event_id, told.event, owner, now
                )
        batch.after_commit.append(self.post)


def read_told(record: Record) -> Told | None:
    """What an owner is told of this record, None if that is nothing."""
    event = cloudevents.read(record.value, record.headers)
    if event.type not in TEXTS:
        return None
    return Told(event.id, TEXTS[event.type], deliveries.read(event))

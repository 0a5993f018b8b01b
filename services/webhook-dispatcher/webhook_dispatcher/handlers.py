"""A message came: a link takes over its new state, an assignment event becomes a delivery."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.contracts import assignments, cloudevents, links
from shared.contracts.links import Link
from shared.encryption import KeyRing, Sealed
from shared.errors import UnreadableMessage
from shared.kafka.batches import Batch
from shared.kafka.records import Record
from webhook_dispatcher import signing, webhooks
from webhook_dispatcher.store import deliveries as delivery_store
from webhook_dispatcher.store import endpoints as endpoint_store
from webhook_dispatcher.store import links as link_store
from webhook_dispatcher.store.links import KnownLink, Parties
from webhook_dispatcher.webhooks import AssignmentEvent, OpenUrl

MOST_AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class Handlers:
    """What is done with batches of `links` and `assignments`.

    An assignment event older than `retention` makes no delivery: the log may have dropped the one it made.
    One from the future has no day in the log yet.
    """

    keys: KeyRing
    retention: timedelta

    async def on_links(self, batch: Batch) -> None:
        """Takes over newer states, makes their endpoints, moves what they re-point (DESIGN 5.3)."""
        latest = newest(batch.read(read_link))
        if not latest:
            return
        parties = {link.id: (link.shop_id, link.threepl_id) for link in latest}
        known = await link_store.claim(batch.connection, parties)
        newer = [link for link in latest if known[link.id].version < link.version]
        await link_store.save(batch.connection, newer)
        await endpoint_store.make(batch.connection, urls_of(newer), self._new_secret)
        await delivery_store.repoint(batch.connection, repointed(newer, known))

    async def on_assignments(self, batch: Batch) -> None:
        """Puts one delivery an event and link into the queue (DESIGN 5.4)."""
        oldest = datetime.now(UTC) - self.retention
        events = [event for event in batch.read(read_assignment) if event.time > oldest]
        if not events:
            return
        known = await link_store.share(batch.connection, parties_of(events))
        decided = [webhooks.delivery(event, known[event.assignment.link_id].open_url) for event in events]
        deliveries = [delivery for delivery in decided if delivery is not None]
        wanted = {(each.event.assignment.link_id, each.url) for each in deliveries if each.url is not None}
        await endpoint_store.make(batch.connection, wanted, self._new_secret)
        await delivery_store.add(batch.connection, deliveries)

    def _new_secret(self) -> Sealed:
        return self.keys.seal(signing.secret(os.urandom(signing.SECRET_BYTES)).encode())


def read_link(record: Record) -> Link | None:
    """The link in a record of `links`, or None for a type of event that is not ours to know."""
    event = cloudevents.read(record.value, record.headers)
    return links.read(event) if event.type == links.LINK_CHANGED else None


def read_assignment(record: Record) -> AssignmentEvent | None:
    """The assignment event in a record of `assignments`, or None for one that sends no webhook."""
    event = cloudevents.read(record.value, record.headers)
    kind = webhooks.TYPES.get(event.type)
    if kind is None:
        return None
    time = event.time or record.timestamp
    if time > datetime.now(UTC) + MOST_AHEAD:
        raise UnreadableMessage(f"its time, {time:%Y-%m-%d %H:%M} UTC, lies more than a day ahead")
    return AssignmentEvent(event.id, kind, time, assignments.read(event))


def newest(read: Iterable[Link]) -> list[Link]:
    """The newest state of each link, in the order of their ids."""
    return list({link.id: link for link in sorted(read, key=lambda link: (link.id, link.version))}.values())


def urls_of(changed: Iterable[Link]) -> set[tuple[str, str]]:
    """The (link id, URL) that these states may send to."""
    named = [
        (link.id, url) for link in changed for url in (link.settings.webhook_url, webhooks.open_url(link).url)
    ]
    return {(link_id, url) for link_id, url in named if url is not None}


def repointed(changed: Iterable[Link], known: dict[str, KnownLink]) -> dict[str, OpenUrl]:
    """The links whose URL for open orders is newer than the one known, with it."""
    now = {link.id: webhooks.open_url(link) for link in changed}
    return {id_: each for id_, each in now.items() if each.version > known[id_].open_url.version}


def parties_of(events: Iterable[AssignmentEvent]) -> Parties:
    """Each link that these events name, with its shop and its 3PL."""
    named = (event.assignment for event in events)
    return {each.link_id: (each.shop_id, each.threepl_id) for each in named}

"""The demo's orders: what is published when, and what must become of each."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from deploy.local import publish, sample_orders

Kind = Literal["plain", "updated", "cancelled", "duplicate", "update-first", "unpaid"]

# What each tenth order is for.
KINDS: dict[int, Kind] = {1: "updated", 2: "cancelled", 3: "duplicate", 4: "update-first", 5: "unpaid"}
JUNK = (b"\xff\xfe\x00", b"not even JSON", b'{"specversion": "1.0"}', b"{}", b'["an order?"]')

Event = dict[str, Any]


@dataclass
class Wave:
    """Orders of one shop that go to one 3PL: `first` is published and settled before `then` is."""

    first: list[Event] = field(default_factory=list)
    then: list[Event] = field(default_factory=list)
    kinds: dict[str, Kind] = field(default_factory=dict)

    def count(self, *kinds: Kind) -> int:
        """How many of its orders are of these kinds."""
        return sum(kind in kinds for kind in self.kinds.values())

    @property
    def assigned(self) -> int:
        return len(self.kinds) - self.count("unpaid")

    @property
    def webhooks(self) -> int:
        """One for each assigned order, and one more for each that was then changed or cancelled."""
        return self.assigned + self.count("updated", "cancelled")

    @property
    def open(self) -> int:
        """How many stay in the 3PL's Orders tab."""
        return self.assigned - self.count("cancelled")


def wave(shop_id: str, numbers: range, at: datetime) -> Wave:
    """The events of the orders of these numbers, placed at a time."""
    made = Wave()
    for number in numbers:
        kind = KINDS.get(number % 10, "plain")
        document = sample_orders.document(number, at)
        made.kinds[str(document["id"])] = kind
        _add(made, kind, number, shop_id, document, at)
    return made


def value(event: Event) -> bytes:
    """The event as it is published."""
    return json.dumps(event).encode()


def topic(event: Event) -> str:
    return publish.topic_of(event)


def _add(made: Wave, kind: Kind, number: int, shop_id: str, document: Event, at: datetime) -> None:
    later = at + timedelta(minutes=1)
    created = sample_orders.event(number, shop_id, document, "created", at)
    changed = {**document, "note": "please ring twice"}
    updated = sample_orders.event(number, shop_id, changed, "updated", later)
    match kind:
        case "updated":
            made.first.append(created)
            made.then.append(updated)
        case "cancelled":
            made.first.append(created)
            cancelled = {**document, **_cancellation(number, later)}
            made.then.append(sample_orders.event(number, shop_id, cancelled, "cancelled", later))
        case "duplicate":
            made.first.append(created)
            made.then += [created, created]
        case "update-first":
            made.first.append(updated)
            made.then.append(created)
        case "unpaid":
            unpaid = {**document, **UNPAID[number % 3]}
            made.first.append(sample_orders.event(number, shop_id, unpaid, "created", at))
        case "plain":
            made.first.append(created)


# How each of the three shapes says it, in the order of `sample_orders.SHAPES`.
UNPAID: tuple[Event, ...] = ({"routable": False}, {"financial_status": "pending"}, {"status": "pending"})


def _cancellation(number: int, at: datetime) -> Event:
    return ({}, {"cancelled_at": at.isoformat()}, {"status": "cancelled"})[number % 3]

"""What arrived at a receiver, held against what was to arrive (DESIGN 5.4)."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from tests.component.webhook_dispatcher.conftest import Received

Event = tuple[str, int]  # an order's id, and the sequence of one of its events


def faults(received: Sequence[Received], wanted: Collection[Event]) -> list[str]:
    """What is wrong with it, in words: lost, out of order, under another id, with another body."""
    events = [event(each) for each in received]
    first = list(dict.fromkeys(events))
    found = [f"{each} never came" for each in sorted(set(wanted) - set(first))]
    latest: dict[str, int] = {}
    for order_id, sequence in first:
        if sequence != latest.get(order_id, 0) + 1:
            found.append(f"{(order_id, sequence)} came after {latest.get(order_id, 0)}")
        latest[order_id] = sequence
    return found + _changed(received)


def repeats(received: Sequence[Received]) -> int:
    """How often a webhook came again."""
    return len(received) - len({each.id for each in received})


def event(received: Received) -> Event:
    """The event that a webhook tells of."""
    return received.said["data"]["id"], received.said["sequence"]


def _changed(received: Sequence[Received]) -> list[str]:
    ids, bodies = defaultdict(set), defaultdict(set)
    for each in received:
        ids[event(each)].add(each.id)
        bodies[each.id].add(each.body)
    found = [f"{of} came under {len(its)} ids" for of, its in ids.items() if len(its) > 1]
    return found + [f"{of} came with {len(its)} bodies" for of, its in bodies.items() if len(its) > 1]

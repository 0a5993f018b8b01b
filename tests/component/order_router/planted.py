"""Events with something else in place of one of their values."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

Event = dict[str, Any]
_HERE = "put it here"
_HERE_WRITTEN = b'"put it here"'


def written(content: Any) -> bytes:
    return json.dumps(content).encode()


def with_extra(event: Event, raw: str) -> bytes:
    """The event, its document with one more field of this JSON text."""
    return written({**event, "data": {**event["data"], "fuzz": _HERE}}).replace(_HERE_WRITTEN, raw.encode())


def with_raw(chance: random.Random, event: Event, raw: str) -> bytes:
    """The event with this JSON text in place of any value."""
    return written(planted(chance, event, _HERE)).replace(_HERE_WRITTEN, raw.encode())


def planted(chance: random.Random, event: Event, value: Any) -> Event:
    """The event with this value in place of any one of its values."""
    changed = copy.deepcopy(event)
    holders = list(_holders(changed))
    holder, place = chance.choice(holders)
    holder[place] = value
    return changed


def _holders(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container in a JSON value with each of its places."""
    places = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for place, inner in list(places):
        yield value, place
        yield from _holders(inner)

"""What `assignments` says of each order from its first event on, held against what the links were."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.kafka.records import Record
from shared.kafka.relay import WINDOW
from tests.component.order_router.crowd import STEADY, UPDATED, Links, shop_of

Key = tuple[str, str]  # shop id, order id
# The kinds of an order's events, each with what it holds: the order as created, or as updated.
LIVES = {
    ("assigned updated",),
    ("assigned updated", "released updated"),
    ("assigned created", "updated updated"),
    ("assigned created", "updated updated", "released updated"),
    ("assigned created", "released created"),
}


class Holder(NamedTuple):
    """The link that holds an order (None: the shop does), after so many events."""

    link_id: str | None
    sequence: int


@dataclass(frozen=True)
class History:
    """An order's events as they lie on the topic, each once; those said twice in a row are repeats."""

    partitions: set[int] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    repeats: list[dict[str, Any]] = field(default_factory=list)

    @property
    def life(self) -> tuple[str, ...]:
        return tuple(
            f"{event['type'].rpartition('.')[2]} {'updated' if _is_updated(event) else 'created'}"
            for event in self.events
        )

    @property
    def holder(self) -> Holder:
        last = self.events[-1]["data"]
        return Holder(last["link_id"] if last["holder"] == "threepl" else None, last["sequence"])


def _is_updated(event: Mapping[str, Any]) -> bool:
    return bool(event["data"]["order"].get("note") == UPDATED)


def histories(records: Iterable[Record]) -> dict[Key, History]:
    """Each order's history."""
    found: dict[Key, History] = {}
    for record in records:
        event = json.loads(record.value or b"")
        data = event["data"]
        history = found.setdefault((data["shop_id"], data["order_id"]), History())
        history.partitions.add(record.partition)
        (history.repeats if event in history.events[-1:] else history.events).append(event)
    return found


def check(said: Mapping[Key, History], links: Links, orders: int) -> None:
    """What must be true of the histories, each fault with the order it is of."""
    faults = [
        (key, fault, history.life) for key, history in said.items() if (fault := _fault(history, links))
    ]
    assert faults[:5] == []
    assert said.keys() <= {(shop_of(number), str(number)) for number in range(orders)}
    steady = {str(links.last[link_id].shop_id) for link_id in STEADY}
    due = {(shop_of(number), str(number)) for number in range(orders) if shop_of(number) in steady}
    assert due <= said.keys()
    # Only a relay that is killed leaves what it said last to be said again.
    assert sum(len(history.repeats) for history in said.values()) <= WINDOW
    kinds = {kind.split()[0] for history in said.values() for kind in history.life}
    assert kinds == {"assigned", "updated", "released"}


def _fault(history: History, links: Links) -> str | None:
    """What isn't as it must be, or None."""
    datas = [event["data"] for event in history.events]
    first = datas[0]
    state = links.told[first["link_id"], first["settings_version"]]
    same = ("shop_id", "order_id", "threepl_id", "link_id", "epoch", "settings", "settings_version")
    truths = {
        "they lie in one partition": len(history.partitions) == 1,
        "they are counted from 1": [data["sequence"] for data in datas] == list(range(1, len(datas) + 1)),
        "they are those of one life": history.life in LIVES,
        "the 3PL holds it until it is released": [data["holder"] for data in datas]
        == ["shop" if kind.startswith("released") else "threepl" for kind in history.life],
        "they are all of one link as it was": len(
            {json.dumps([data[name] for name in same]) for data in datas}
        )
        == 1,
        "the link was active then": state.status == "active" and state.epoch == first["epoch"],
        "it is a link of its shop": (state.shop_id, state.threepl_id)
        == (first["shop_id"], first["threepl_id"]),
        "the settings are those of the version": first["settings"]["client_reference"]
        == state.settings.client_reference,
        "it is held if the link wasn't deactivated since": (history.holder.link_id is not None)
        == (links.last[first["link_id"]].epoch == first["epoch"]),
    }
    return next((truth for truth, holds in truths.items() if not holds), None)

"""Six shops with none to three links, links that go off and on again, and fifty thousand orders."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.contracts import links
from shared.contracts.links import Link
from tests.builders import account_id, link, order, order_event

SHOPS = [account_id("shop", number) for number in range(6)]
# Each shop's links, and of them those that never go off.
LINKS = {0: (), 1: ("1a",), 2: ("2a",), 3: ("3a", "3b"), 4: ("4a", "4b", "4c"), 5: ("5a", "5b")}
STEADY = {"1a", "3b", "4c"}
UPDATED = "ring twice"

Message = tuple[str, bytes | None, bytes]  # topic without its prefix, key, value


@dataclass
class Links:
    """The links as they were told: each version's state, and which is the last."""

    told: dict[tuple[str, int], Link] = field(default_factory=dict)
    last: dict[str, Link] = field(default_factory=dict)

    def first(self) -> list[Message]:
        """All of them active; those that go off come before the others of their shop."""
        return [
            self._tell(_link(place, shop, 1, 0, on=True))
            for shop, places in LINKS.items()
            for place in places
        ]

    def turned(self, turn: int) -> list[Message]:
        """At each turn some go off, and those that are off go on again."""
        unsteady = [each for each in self.last.values() if each.id not in STEADY]
        return [
            self._tell(_changed(each))
            for place, each in enumerate(unsteady)
            if each.status != "active" or (turn + place) % 3 == 0
        ]

    def _tell(self, state: Link) -> Message:
        self.told[state.id, state.version] = self.last[state.id] = state
        return "links", state.id.encode(), links.write(state)


def _changed(before: Link) -> Link:
    on = before.status != "active"
    shop = SHOPS.index(str(before.shop_id))
    return _link(before.id, shop, before.version + 1, before.epoch + (not on), on=on)


def _link(link_id: str, shop: int, version: int, epoch: int, *, on: bool) -> Link:
    """A link whose settings tell its version."""
    return link(
        id=link_id,
        shop_id=SHOPS[shop],
        threepl_id=account_id("threepl", ord(link_id[1])),
        status="active" if on else "inactive",
        shop_on=on,
        version=version,
        epoch=epoch,
        settings={"client_reference": f"{link_id} at {version}"},
        rules={"priority": 2 if link_id in STEADY else 1},
    )


def shop_of(number: int) -> str:
    return SHOPS[number % len(SHOPS)]


def created(numbers: range, at: datetime) -> Iterator[Message]:
    """The orders of these numbers as they come in; some without a key, some under a wrong one."""
    for number in numbers:
        yield _event(number, "created", at, {})


def updated(numbers: range, at: datetime) -> Iterator[Message]:
    """The same orders, a second later."""
    for number in numbers:
        yield _event(number, "updated", at + timedelta(seconds=1), {"note": UPDATED})


def _event(number: int, act: str, at: datetime, changes: dict[str, str]) -> Message:
    shop, counted = shop_of(number), number % 2
    revision = {"revision": 1 if act == "created" else 2} if counted else {}
    value = order_event(order(str(number), **changes, **revision), act=act, shop=shop, time=at)
    key = None if number % 5 == 0 else b"wrong" if number % 7 == 0 else f"{shop}/{number}".encode()
    return f"orders.{act}", key, value

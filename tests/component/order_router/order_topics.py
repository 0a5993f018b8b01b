"""What order systems and integration put on their topics: records with their places, and batches again."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from shared.contracts import links
from shared.contracts.links import Link
from tests.builders import order, order_event
from tests.component.order_router.order_told import Body, Key, Place, Sent

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACES: tuple[Place, ...] = (
    ("orders.created", 0),
    ("orders.created", 1),
    ("orders.updated", 0),
    ("orders.shopify.cancelled", 0),
)
FIRST = 5  # the number of an order's first version; older ones may come later
CANCELLED_AT = "2026-11-23T12:00:00Z"


class Topics:
    """The ends of all topics, and the newest version of each order that was put on one."""

    def __init__(self) -> None:
        self.ends: Counter[Place] = Counter()
        self.newest: dict[Key, int] = {}
        self._said: dict[Key, str] = {}
        self.began = datetime.now(UTC) - timedelta(hours=1)

    def event(self, key: Key, given: Body) -> Sent:
        """An order's event. Orders with an even id have revisions, the others' versions are their times."""
        number = self.newest.get(key, FIRST - given["newer"]) + given["newer"]
        self.newest[key] = max(number, self.newest.get(key, number))
        time = self.began + timedelta(seconds=number, days=-8 * given["is_late"])
        has_revision = key[1].isdecimal()
        cancelled = self._cancelled(key, number, given["cancelled"])
        body = {
            **order(
                key[1], note=given["note"], lines=[{"sku": given["sku"], "quantity": 2, "price": "12.00"}]
            ),
            "shop": key[0],
            "routable": given["routable"],
            **({"revision": number} if has_revision else {"updated_at": time.isoformat()}),
            **({"cancelled_at": CANCELLED_AT} if cancelled == "by its document" else {}),
        }
        said = {
            "key": key,
            "number": number if has_revision else (time - EPOCH) // timedelta(microseconds=1),
            "cancelled": bool(cancelled),
            "is_late": given["is_late"],
            "body": body,
        }
        act = "cancelled" if cancelled == "by its type" else given["act"]
        return self._put(PLACES[given["place"]], order_event(body, act=act, shop=key[0], time=time), said)

    def _cancelled(self, key: Key, number: int, how: str) -> str:
        """How the event says that its order is cancelled: what comes later goes on as its source began."""
        if how == "as before":
            how = self._said.get(key, "")
        if number >= self.newest.get(key, number):
            self._said[key] = how
        return how

    def bytes_that_are_no_order(self) -> Sent:
        return self._put(PLACES[0], b"\xff no order", None)

    def states(self, told: Iterable[Body]) -> list[Sent]:
        """Links' states, each link's on a partition of its own."""
        return [
            self._put(("links", int(each["id"].rpartition("-")[2])), _written(each), each) for each in told
        ]

    def again(self, sent: Iterable[Sent]) -> list[Sent]:
        """The same records once more, at the ends of their topics."""
        return [self._put(each.place, each.value, each.said) for each in sent]

    def _put(self, place: Place, value: bytes, said: Body | None) -> Sent:
        self.ends[place] += 1
        return Sent(*place, self.ends[place] - 1, value, said)


def compacted(sent: Sequence[Sent]) -> list[Sent]:
    """Links' states as compaction leaves them: of each link the latest alone."""
    latest = {each.place: each for each in sent}
    return [each for each in sent if each is latest[each.place]]


def _written(link: Body) -> bytes:
    return links.write(Link.model_validate(link))

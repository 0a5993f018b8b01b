"""What DESIGN 4 says must hold of every order at every moment, whatever was done to it."""

import itertools
from collections.abc import Iterator, Sequence

from tests.component.order_router.order_told import Body


def broken(before: Body | None, row: Body, said: Sequence[Body]) -> list[str]:
    """What does not hold of an order as it lay in the database and lies there now, and of all its events."""
    return [*_of_moments(before or row, row), *_of_events(row, said)]


def _of_moments(before: Body, row: Body) -> Iterator[str]:
    if before["version"] > row["version"]:
        yield "a version went back"
    if before["stage"] == "cancelled" != row["stage"]:
        yield "cancelled was not final"
    if before["decision"] not in (None, row["decision"]):
        yield "it was routed twice"
    if (row["link_id"] is None) != (row["threepl_id"] is None):
        yield "it has half a holder"
    if row["requests"] and row["stage"] not in ("picking", "queued"):
        yield "something is asked of an order that nobody has begun"
    if row["link_id"] is None and row["stage"] not in ("open", "cancelled"):
        yield "the shop holds an order that a 3PL has begun"


def _of_events(row: Body, said: Sequence[Body]) -> Iterator[str]:
    if [each["sequence"] for each in said] != list(range(1, row["sequence"] + 1)):
        yield "its events have a gap"
    turns = [each["type"] for each in said if each["type"] != "updated"]
    if turns != list(itertools.islice(itertools.cycle(("assigned", "released")), len(turns))):
        yield "assigned and released do not alternate"
    if said and (said[-1]["holder"] == "threepl") != (row["link_id"] is not None):
        yield "the last event names another holder"
    if said and row["link_id"] is not None and said[-1]["link_id"] != row["link_id"]:
        yield "the last event names another link"
    for kind in ("cancellation", "take_over"):
        open_ones = 0
        for request in (each["request"] for each in said if each["request"]):
            open_ones += (request["kind"], request["status"]) == (kind, "open")
            open_ones -= request["kind"] == kind and request["status"] != "open"
            if open_ones > 1:
                yield f"two requests for a {kind} are open at once"
                break

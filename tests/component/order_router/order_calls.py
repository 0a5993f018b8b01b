"""Who calls for an act on an order, with what, by which path, and why it was refused."""

from collections.abc import Sequence

import httpx

from tests.component.order_router.order_service import ACCOUNTS
from tests.component.order_router.order_sides import SHOPS_ACTS
from tests.component.order_router.order_told import Account, Body, Key, OrderTold

SIDES_ACTS = ("start", "queue", "ship", "deliver", "return", "assign", "take_over", "answer")
BY_NAME = {each.name: each for each in ACCOUNTS}
SHOPS, THREEPLS, OPERATOR = ACCOUNTS[:2], ACCOUNTS[2:4], ACCOUNTS[4]
# What one of an order's sides would do next while a 3PL holds it, by its stage.
_NEXT = {
    "open": ("start", "take_over", "queue", "ship"),
    "picking": ("take_over", "queue", "ship", "take_over"),
    "queued": ("ship", "take_over"),
    "shipped": ("deliver", "return"),
    "delivered": ("return",),
}
_PARCEL = {"tracking_number": "P1", "weight": 700, "length": None, "width": None, "height": None}
_CONSIGNMENTS: dict[str, Body] = {
    "DHL": {"carrier": "DHL", "tracking_number": "T1", "parcels": []},
    "UPS": {"carrier": "UPS", "tracking_number": "", "parcels": [_PARCEL]},
}
_STATUSES = {"": 200, "not-found": 404, "forbidden": 403}


def likely(order: OrderTold, which: int) -> str | None:
    """One of the acts that are next for an order as it stands, if there is any."""
    if order.requests and which > 1:
        return "answer"
    if order.holding is None:
        return "assign" if order.stage == "open" else None
    acts: Sequence[str | None] = _NEXT.get(order.stage, (None,))
    return acts[which % len(acts)]


def caller(act: str, by: str, key: Key, order: OrderTold | None) -> Account:
    """The side of the order whose act it is, another of its kind, one of the wrong kind, or the operator."""
    last = order.events[-1]["threepl_id"] if order and order.events else ""
    shops = sorted(SHOPS, key=lambda each: each.id != key[0])
    threepls = sorted(THREEPLS, key=lambda each: each.id != last)
    right, wrong = (shops, threepls) if act in SHOPS_ACTS else (threepls, shops)
    return {"side": right[0], "other": right[1], "wrong": wrong[0], "operator": OPERATOR}[by]


def body(act: str, given: Body, order: OrderTold | None, link_id: str) -> Body:
    """What the act takes of what is given; a request named as asked is one that is, if there is one."""
    if act == "ship":
        return _CONSIGNMENTS[given["carrier"]]
    if act == "assign":
        return {"link_id": link_id}
    if act == "answer":
        asked = [*sorted(order.requests if order else ()), "take_over"]
        kind = asked[0] if given["kind"] == "asked" else given["kind"]
        return {"kind": kind, "accept": given["accept"]}
    return {}


def path(act: str, key: Key, given: Body) -> str:
    """Where the act on one order is called."""
    last = act.replace("_", "-")
    if act == "answer":
        last = f"requests/{given['kind']}/{'accept' if given['accept'] else 'refuse'}"
    return f"/orders/{key[0]}/{key[1]}/{last}"


def refusal(got: httpx.Response) -> Body:
    """Why a call was refused, as one outcome of an act on many orders says it."""
    return {"type": "", "status": got.status_code, **(got.json() if got.is_error else {})}


def reason(problem: Body) -> str:
    return str(problem["type"]).rpartition("/")[2]


def status(why: str) -> int:
    """The status of an answer with this reason."""
    return _STATUSES.get(why, 409)

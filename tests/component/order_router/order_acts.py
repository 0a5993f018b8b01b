"""Acts on orders and links, as Hypothesis draws them."""

import itertools
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.component.order_router.order_calls import SIDES_ACTS
from tests.component.order_router.order_comparison import Comparison
from tests.component.order_router.order_played import ORDER, Played
from tests.component.order_router.order_service import Service
from tests.component.order_router.order_told import Body
from tests.component.order_router.order_topics import PLACES

Act = tuple[Any, ...]  # its name, and what is given to the method of that name

SIDE = st.sampled_from(("shop", "shop", "threepl"))
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "shipping_rules_from": SIDE,
        "charge_to": SIDE,
        "support_tickets_from": SIDE,
        "client_reference": st.sampled_from(("client-7", "")),
        "webhook_url": st.sampled_from(("https://hooks.example.com/a", None)),
    },
).filter(bool)
_NOTHING: Body = {}
_NOTHING_GIVEN = st.just(_NOTHING)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "polarity": st.sampled_from(("dont_send", "send")),
        "rules": st.sampled_from(
            ([{"conditions": [{"field": "sku", "operator": "in", "value": ["MUG"], "currency": None}]}], [])
        ),
        "priority": st.integers(1, 2),
        "share": st.integers(1, 2),
        "daily_limit": st.sampled_from((1, 2, 2, None)),
    },
)
# What is drawn more often stands here more often.
NTH = st.sampled_from((0, 0, 0, 1, 2))  # which order or batch, the newest first
BY = st.sampled_from((*("side",) * 6, "other", "wrong", "operator"))
THREEPL = st.sampled_from((*("threepl 1",) * 3, "threepl 2"))
SHOP = st.sampled_from((*("shop 1",) * 5, "shop 2"))
EVENT = st.fixed_dictionaries(
    {
        "key": st.sampled_from((0, 1, 0, 2, 1, 3)),
        "newer": st.sampled_from((1, 1, 1, 1, 0, -1, -2, 2)),
        "place": st.integers(0, len(PLACES) - 1),
        "act": st.sampled_from(("created", "updated")),
        "cancelled": st.sampled_from((*("as before",) * 7, "by its type", "by its document", "")),
        "routable": st.sampled_from((True, True, True, False)),
        "is_late": st.sampled_from((False,) * 9 + (True,)),
        "note": st.sampled_from(("", "ring twice", "leave it at the door")),
        "sku": st.sampled_from(("MUG", "PEN")),
    }
)
# Of this an act takes what it wants.
GIVEN = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(("asked", "asked", "take_over", "cancellation")),
        "accept": st.booleans(),
        "threepl": THREEPL,
        "carrier": st.sampled_from(("DHL", "UPS")),
    }
)


def act(name: str, *given: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.tuples(st.just(name), *given)


def link(name: str, given: st.SearchStrategy[Body] = _NOTHING_GIVEN) -> st.SearchStrategy[Act]:
    to = st.sampled_from(("open_orders", "new_orders") if name == "settings" else ("",))
    when = st.sampled_from(("at once", "at once", "at once", "later"))
    return act("link", SHOP, THREEPL, st.just(name), given, to, when)


def settings_of_first() -> st.SearchStrategy[Act]:
    """A change of settings of the link that most orders are under, told at once."""
    first = (st.just("shop 1"), st.just("threepl 1"), st.just("settings"))
    return act("link", *first, SETTINGS, st.sampled_from(("open_orders", "new_orders")), st.just("at once"))


_ALSO = st.sampled_from((*("",) * 5, "bytes", "overlap"))
_SIDES_ACT = st.sampled_from(SIDES_ACTS)
_PART = st.sampled_from(("number", "topic", "partition", "offset"))
# Each act as often as the number beside it says, of all these.
_ACTS = (
    (10, act("orders", st.lists(EVENT, min_size=1, max_size=3), _ALSO)),
    (3, act("again", NTH, st.booleans())),
    (8, link("toggle")),
    (1, link("activate")),
    (1, link("deactivate")),
    (1, link("delete")),
    (4, link("settings", SETTINGS)),
    (3, link("rules", RULES)),
    (2, act("tell", st.booleans())),
    (18, act("likely", st.integers(0, 3), GIVEN, NTH)),
    (4, act("one", _SIDES_ACT, BY, GIVEN, NTH)),
    (3, act("many", _SIDES_ACT, BY, GIVEN)),
    (3, act("a_day_passes")),
    (1, act("next_day")),
    (2, act("follow")),
    (2, act("lapse")),
)
# What nobody who claims an order first can do: it asks the store's fence alone.
_SAVE_OLDER = (1, act("save_older", NTH, _PART))

_ORDER: Act = ("orders", [ORDER], "")
_ANOTHER: Act = ("orders", [{**ORDER, "key": 1}], "")
_TWO: Act = ("orders", [ORDER, {**ORDER, "key": 1}], "")
_CANCEL: Act = ("orders", [{**ORDER, "cancelled": "by its type"}], "")


def _linked(threepl: str, act: str = "activate", given: Body = _NOTHING) -> Act:
    return ("link", "shop 1", threepl, act, given, "", "at once")


_LINK_1, _LINK_2 = _linked("threepl 1"), _linked("threepl 2")
_LIMIT = _linked("threepl 1", "rules", {"daily_limit": 1})
_START: Act = ("one", "start", "side", {}, -1)
_TAKE_OVER: Act = ("one", "take_over", "side", {}, -1)
_REFUSE: Act = ("one", "answer", "side", {"kind": "asked", "accept": False}, -1)
# An order that comes after both has nothing of the first, though that was the last meant for open orders.
_THERE_AND_BACK: list[Act] = [
    ("link", "shop 1", "threepl 1", "settings", {"charge_to": "shop"}, "open_orders", "at once"),
    ("link", "shop 1", "threepl 1", "settings", {"charge_to": "threepl"}, "new_orders", "at once"),
]
# From here most of what can happen is near.
_LINKED = st.sampled_from(([], [_LINK_1], [_LINK_1], [_LINK_1, _LINK_2], [_LINK_1, _LIMIT]))
_ORDERED = st.sampled_from(([], [_ORDER], [_ORDER], [_ORDER, _ANOTHER], [_TWO]))
_BEGUN = st.sampled_from(
    (
        [],
        [],
        [_START],
        [_START, _CANCEL],
        [_START, _CANCEL, _REFUSE],
        [_START, _TAKE_OVER],
        [_START, _TAKE_OVER, _CANCEL],
    )
)
_BEGINNING = st.tuples(
    _LINKED,
    st.one_of(st.lists(settings_of_first(), max_size=1), st.just(_THERE_AND_BACK)),
    _ORDERED,
    st.lists(settings_of_first(), max_size=1),
    _BEGUN,
)


def sequences(fewest: int, most: int, *, with_fence: bool = True) -> st.SearchStrategy[list[Act]]:
    """A beginning from which most of what can happen is near, and then anything.

    With `with_fence` somebody also saves orders unclaimed, against the store's own fence.
    """
    weighted = (*_ACTS, _SAVE_OLDER) if with_fence else _ACTS
    # `one_of` would draw what stands there twice no more often.
    every = [each for weight, each in weighted for _ in range(weight)]
    rest = st.lists(st.sampled_from(every).flatmap(lambda each: each), min_size=fewest, max_size=most)
    return st.builds(lambda first, others: [*itertools.chain(*first), *others], _BEGINNING, rest)


async def play(service: Service, acts: Sequence[Act]) -> None:
    """Does the acts, one after the other, on a router that knows nothing yet; raises the first difference."""
    await service.begin()
    played = Played(Comparison(service))
    for name, *given in acts:
        await getattr(played, name)(*given)
    await played.both.end()
    service.counts["sequences"] += 1

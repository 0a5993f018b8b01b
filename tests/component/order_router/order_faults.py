"""Routers with a fault planted in them: copies of the package in which a line says something else."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import order_router

ORIGINAL = Path(order_router.__file__).parent
Change = tuple[str, str, str]  # a file, what it says, and what its faulty copy says there


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where it is planted."""

    name: str
    changes: tuple[Change, ...]

    def plant(self, folder: Path) -> str:
        """Writes the faulty copy into a folder; answers the name of its package."""
        package = f"order_router_{self.name.replace(' ', '_')}"
        copy = folder / package
        shutil.copytree(ORIGINAL, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for file, right, wrong in self.changes:
            source = (copy / file).read_text()
            assert source.count(right) == 1, f"{file} must say {right!r} once: plant {self.name!r} elsewhere"
            (copy / file).write_text(source.replace(right, wrong))
        for path in copy.rglob("*.py"):
            path.write_text(path.read_text().replace("order_router", package))
        return package


_ACTS, _LIFECYCLE, _ORDERS = "acts.py", "lifecycle.py", "store/orders.py"
_RULE = (_LIFECYCLE, "version <= order.version", "False")
_LAST = '(changed.version, changed.topic, changed.partition, changed."offset"))'
_FENCE = (_ORDERS, _LAST, f"{_LAST[:-1]} OR true)")
_BEHIND = "(epoch < :epoch OR settings_version < :open_version)\n    ORDER"
_TAKEN_OVER = "changed(order, holding=None), assignments.RELEASED, order.holding"
_NOT_OPEN = 'if order.stage != "open":\n        raise _wrong_stage(order, "take-over"'
_FORGOTTEN = "None, assigned_links=frozenset()"
_COUNTED = "first_assigned(before, changed), utc_day(now)"
_COUNTED_BACK = """
        {
            held.link_id: -1
            for each in changed
            if (held := before[_key(each.order)].holding) and not each.order.holding
        }
        or first_assigned(before, changed),
        utc_day(now),
    """
_FULL = "counts.get(link.id, 0) >= most"
_ONE_MORE = "counted[link_id] = counted.get(link_id, 0) + 1"
_ASKS = "newer.says_cancelled and not order.says_cancelled"
_CANCELLED = 'event.cancelled and order.stage == "open"'
_LAPSED = 'refused(order, lapsing(order, now), "lapsed")'
_REFUSED = "refused(order, order.requests, actor=actor)"
_NEWER = "if setting.version > holding.settings_version"
_TAKEN = "settings_version=open_version(link))"
_LATE = "circumstances.now - event.time > circumstances.route_max_age"

NO_FENCE = Fault("no version fence", (_RULE, _FENCE))
EPOCH_OR_EQUAL = Fault(
    "epoch compared with or equal",
    (
        (_LIFECYCLE, "order.holding.epoch < link.epoch or", "order.holding.epoch <= link.epoch or"),
        (_LIFECYCLE, "if order.holding.epoch < link.epoch:", "if order.holding.epoch <= link.epoch:"),
    ),
)
MORE = (
    Fault("routed again", ((_LIFECYCLE, "not newer.routed", "not newer.holding"),)),
    Fault("a 3PL sees what is gone", (("store/seen.py", "orders.epoch < (", "orders.epoch < -("),)),
    Fault(
        "a begun order is taken over at once",
        (
            (_ACTS, "if order.stage in BEGUN:", "if False:"),
            (_ACTS, _NOT_OPEN, _NOT_OPEN.replace('!= "open"', 'not in BEGUN | {"open"}')),
            (_ACTS, _TAKEN_OVER, _TAKEN_OVER.replace("None", 'None, stage="open"')),
        ),
    ),
    Fault("a release is counted back", (("recording.py", _COUNTED, _COUNTED_BACK),)),
    Fault("counted each time", ((_ACTS, _TAKEN_OVER, _TAKEN_OVER.replace("None", _FORGOTTEN)),)),
    Fault("the limit and one", (("routing.py", _FULL, _FULL.replace(">=", ">")),)),
    Fault("a refused cancellation asks again", ((_LIFECYCLE, _ASKS, "event.cancelled"),)),
    Fault("the rule of versions left out", (_RULE,)),
    Fault("the fence of the store left out", (_FENCE,)),
    Fault("a tie goes to the first", ((_LIFECYCLE, _RULE[1], "version.number <= order.version.number"),)),
    Fault("epoch or equal in the worker", ((_ORDERS, _BEHIND, _BEHIND.replace("<", "<=", 1)),)),
    Fault("an older link counts", (("store/links.py", "WHERE links.version < excluded.version", ""),)),
    Fault("links stay settled", (("store/links.py", "settled = links.settled AND", "settled = true OR"),)),
    Fault("counts stand still in a batch", (("handlers.py", _ONE_MORE, "pass"),)),
    Fault("cancelled in any stage", ((_LIFECYCLE, _CANCELLED, "event.cancelled"),)),
    Fault("requests never lapse", ((_LIFECYCLE, _LAPSED, "Outcome(order)"),)),
    Fault("shipping leaves requests open", ((_ACTS, _REFUSED, "Outcome(order)"),)),
    Fault("default terms", ((_ACTS, "charge_to=settings.charge_to", 'charge_to="threepl"'),)),
    Fault("all open settings are taken", ((_LIFECYCLE, _NEWER, ""),)),
    Fault("open settings pass for the newest", ((_LIFECYCLE, _TAKEN, "settings_version=link.version)"),)),
    Fault("what comes late is routed", ((_LIFECYCLE, _LATE, "False"),)),
    Fault("what is not routable is assigned", ((_ACTS, "if not order.routable:", "if False:"),)),
)

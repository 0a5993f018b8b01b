"""What DESIGN 3 and 4 say of orders, in plain dicts and ifs, for the router to be compared with."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from tests.component.order_router import order_sides
from tests.component.order_router.order_sides import BEGUN, SHOPS_ACTS
from tests.component.order_router.order_told import Account, Body, Key, OrderTold, Place, Sent

# Among links of one priority the shares decide, by a hash that is the router's own.
Choose = Callable[[Key, Sequence[str]], str]


class Model:
    """The links as the router was told of them, the orders, and each link's first assignments of each day."""

    def __init__(self) -> None:
        self.links: dict[str, Body] = {}
        self.orders: dict[Key, OrderTold] = {}
        self.counts: Counter[tuple[str, date]] = Counter()
        self.offsets: dict[Place, int] = {}
        self.dead_letters = 0

    def links_come(self, sent: Iterable[Sent]) -> None:
        """An older version of a link changes nothing; what lies between two versions need not come."""
        for told in self._fresh(sent):
            known = self.links.get(told["id"])
            if known is None or known["version"] < told["version"]:
                self.links[told["id"]] = told

    def orders_come(self, sent: Iterable[Sent], choose: Choose) -> None:
        """All orders of a batch are brought up to their links; then its events apply, in their order."""
        events = self._fresh(sent)
        for event in events:
            self.orders.setdefault(event["key"], OrderTold(event["key"]))
        for key in {event["key"] for event in events}:
            self.bring_up(self.orders[key])
        for event in events:
            self._apply(self.orders[event["key"]], event, choose)

    def bring_up(self, order: OrderTold) -> None:
        """An open order follows its link; a request that nobody answered in time lapses."""
        holding, link = order.holding, self.link_of(order)
        if holding and link and order.stage == "open":
            if holding["epoch"] < link["epoch"]:
                order.give_back()
            else:
                order.holding = _with_open_settings(holding, link)
        for kind in sorted(order.overdue):
            order.end(kind, "lapsed")

    def link_of(self, order: OrderTold) -> Body | None:
        return self.links[order.holding["link_id"]] if order.holding else None

    def is_behind(self, order: OrderTold) -> bool:
        """Whether it hasn't followed its link yet."""
        return self._followed(order).holding != order.holding

    def seen(self, who: Account, key: Key) -> OrderTold | None:
        """The order as it is once it has followed its link, if the account may see it."""
        order = self.orders.get(key)
        if order is None:
            return None
        seen = self._followed(order)
        sees = who.kind == "operator" or who.id in (seen.key[0], seen.holder)
        return seen if sees else None

    def act(self, who: Account, act: str, key: Key, given: Body) -> set[str]:
        """Does it, or answers the reasons why not, of which the router may say any."""
        if who.kind != ("shop" if act in SHOPS_ACTS else "threepl"):
            return {"forbidden"}
        order = self.orders.get(key)
        if order is None or (who.kind == "shop" and key[0] != who.id):
            return {"not-found"}
        self.bring_up(order)
        if who.kind == "threepl" and order.holder != who.id:
            return {"not-found"}
        if act == "assign":
            return self._assign(order, self.links.get(given["link_id"]))
        return order_sides.done(order, act, given)

    def _followed(self, order: OrderTold) -> OrderTold:
        """A copy as it is once it has followed."""
        requests, overdue = {*order.requests}, {*order.overdue}
        copy = replace(order, requests=requests, overdue=overdue, events=[*order.events])
        self.bring_up(copy)
        return copy

    def next_day(self) -> None:
        """Today's counts are yesterday's."""
        self.counts = Counter({(link, day - timedelta(days=1)): n for (link, day), n in self.counts.items()})

    def today(self) -> date:
        return datetime.now(UTC).date()

    def _fresh(self, sent: Iterable[Sent]) -> list[Body]:
        """What the records say that weren't handled yet; of those that can't be read nothing but a letter."""
        fresh = [each for each in sent if each.offset >= self.offsets.get(each.place, 0)]
        for each in fresh:
            self.offsets[each.place] = max(self.offsets.get(each.place, 0), each.offset + 1)
        self.dead_letters += sum(each.said is None for each in fresh)
        places = [{"at": (each.topic, each.partition, each.offset)} for each in fresh]
        return [{**each.said, **place} for each, place in zip(fresh, places, strict=True) if each.said]

    def _apply(self, order: OrderTold, event: Body, choose: Choose) -> None:
        version = (event["number"], *event["at"])
        if order.version and version <= order.version:
            return
        before, asks = (order.content, order.stage), event["cancelled"] and not order.says_cancelled
        order.version, order.body = version, event["body"]
        order.says_cancelled = order.says_cancelled or event["cancelled"]
        if event["cancelled"] and order.stage == "open":
            order.stage = "cancelled"
        if order.stage == "open" and order.decision is None and event["body"]["routable"]:
            self._route(order, event, choose)
        elif order.holding is None:
            return
        elif asks and order.stage in BEGUN:
            order.ask("cancellation")
        elif asks and order.stage != "cancelled":
            order.end("cancellation", "refused")
        elif (order.content, order.stage) != before:
            order.tell("updated", order.holding)

    def _route(self, order: OrderTold, event: Body, choose: Choose) -> None:
        """Of the active links that may have it the first priority's; none gets one that comes too late."""
        own = [
            link
            for link in self.links.values()
            if link["shop_id"] == order.key[0] and link["status"] != "deleted"
        ]
        if event["is_late"]:
            order.decision = {"link_id": None, "considered": []}
            return
        may = [link for link in own if link["status"] == "active" and self._lets_through(link, order)]
        first = min((link["rules"]["priority"] for link in may), default=None)
        equals = [link["id"] for link in may if link["rules"]["priority"] == first]
        chosen = choose(order.key, equals) if equals else None
        order.decision = {
            "link_id": chosen,
            "considered": sorted(link["id"] for link in own if link["status"] != "deleted"),
        }
        if chosen:
            self._hold_under(order, self.links[chosen])

    def _lets_through(self, link: Body, order: OrderTold) -> bool:
        rules, skus = link["rules"], {line["sku"] for line in order.body["lines"]}
        wanted = {sku for rule in rules["rules"] for sku in rule["conditions"][0]["value"]}
        if wanted and (rules["polarity"] == "send") != bool(wanted & skus):
            return False
        limit = rules["daily_limit"]
        return limit is None or self.counts[link["id"], self.today()] < limit

    def _hold_under(self, order: OrderTold, link: Body) -> None:
        names = {"link_id": link["id"], "settings_version": link["version"]}
        order.holding = {**names, **{name: link[name] for name in ("threepl_id", "epoch", "settings")}}
        self.counts[link["id"], self.today()] += link["id"] not in order.under
        order.under.add(link["id"])
        order.tell("assigned", order.holding)

    def _assign(self, order: OrderTold, link: Body | None) -> set[str]:
        """To an active link of the shop; no limit caps it, and it counts."""
        if link is None or link["status"] == "deleted" or link["shop_id"] != order.key[0]:
            return {"not-found"}
        if order.holding and order.holding["link_id"] == link["id"]:
            return set()
        wrong = {
            "held-by-threepl": order.holding is not None,
            "wrong-stage": order.stage != "open",
            "not-routable": not order.body["routable"],
            "link-not-active": link["status"] != "active",
        }
        if not any(wrong.values()):
            self._hold_under(order, link)
        return {reason for reason, holds in wrong.items() if holds}


def _with_open_settings(holding: Body, link: Body) -> Body:
    """The fields that were changed for open orders too, since the snapshot was taken."""
    newer = {
        name: each
        for name, each in link["open_settings"].items()
        if each["version"] > holding["settings_version"]
    }
    settings = {**holding["settings"], **{name: each["value"] for name, each in newer.items()}}
    version = max((each["version"] for each in newer.values()), default=holding["settings_version"])
    return {**holding, "settings": settings, "settings_version": version}

"""One sequence of acts on orders and links: each act is a method, done to the router and to the model."""

import json
from collections.abc import Sequence
from typing import Any

from tests.component.order_router import order_calls as calls
from tests.component.order_router.order_calls import BY_NAME, OPERATOR, SHOPS
from tests.component.order_router.order_comparison import Comparison, answered, called
from tests.component.order_router.order_links import Links
from tests.component.order_router.order_told import Body, Key, OrderTold, Sent
from tests.component.order_router.order_topics import Topics, compacted

# Ids clash between shops.
KEYS: tuple[Key, ...] = tuple(
    (SHOPS[shop].id, order) for shop, order in ((0, "a/1"), (0, "2"), (1, "a/1"), (0, "3"))
)
UNKNOWN: Key = (SHOPS[0].id, "99")
ORDER: Body = {
    "key": 0,
    "newer": 1,
    "place": 0,
    "act": "created",
    "cancelled": "as before",
    "routable": True,
    "is_late": False,
    "note": "",
    "sku": "MUG",
}
UNLINKED: Body = {"id": "link-0", "status": ""}


class Played:
    """What was done so far, on the router and on the model."""

    def __init__(self, both: Comparison) -> None:
        self.both = both
        self.model, self.service = both.model, both.service
        self.links, self.topics = Links(), Topics()
        self._batches: list[tuple[str, list[Sent]]] = []

    async def orders(self, events: Sequence[Body], also: str) -> None:
        """A batch of order events, with bytes that are no order or with the batch before, if asked."""
        sent = [self.topics.event(KEYS[each["key"]], each) for each in events]
        if also == "bytes":
            sent.append(self.topics.bytes_that_are_no_order())
        self.both.did("orders", *map(_unusual, events), also)
        before = next((batch for what, batch in reversed(self._batches) if what == "orders"), [])
        await self._committed("orders", [*before, *sent] if also == "overlap" else sent)

    async def again(self, nth: int, is_put_again: bool) -> None:
        """A batch comes once more: its records put on their topics again, or as they were handled."""
        for what, sent in self._batches[::-1][nth : nth + 1]:
            self.both.did("again", what, nth, "put on their topics again" if is_put_again else "")
            await self._committed(what, self.topics.again(sent) if is_put_again else sent)

    async def link(self, shop: str, threepl: str, act: str, given: Body, apply_to: str, when: str) -> None:
        """Integration changes the link of a pair; the router is told at once or later."""
        if act == "toggle":
            link = self.links.newest.get((shop, threepl), UNLINKED)
            act = "deactivate" if link["status"] == "active" else "activate"
        self.both.did(act, f"link of {shop} and {threepl}", given or "", apply_to, when)
        self.links.change(BY_NAME[shop], BY_NAME[threepl], act, given, apply_to)
        if when == "at once":
            await self._told(latest_only=False)

    async def tell(self, latest_only: bool) -> None:
        """The router is told of what was changed meanwhile."""
        if self.links.waiting:
            self.both.did("tell", "the latest states alone" if latest_only else "")
            await self._told(latest_only=latest_only)

    async def likely(self, which: int, given: Body, nth: int) -> None:
        """One of the acts that are next for an order as it stands, if there is any."""
        key = self._order(nth)
        seen = self.model.seen(OPERATOR, key)
        act = calls.likely(seen, which) if seen else None
        if act == "assign":
            active = [
                name for name in (given["threepl"], "threepl 1", "threepl 2") if self._is_active(key, name)
            ]
            act, given = act if active else None, {**given, "threepl": [*active, ""][0]}
        if act:
            await self.one(act, "side", given, nth)

    async def one(self, act: str, by: str, given: Body, nth: int) -> None:
        """An act on one order."""
        key = self._order(nth)
        order = self.model.orders.get(key)
        who, body = calls.caller(act, by, key, order), self._body(act, key, given)
        self.both.did(act, called(key), "by", who.name, body or "")
        got = await self.service.call(who, "POST", calls.path(act, key, body), body)
        found = await self.both.looked()
        reasons = self.model.act(who, act, key, body)
        self._same_answer(act, key, reasons, calls.refusal(got), got.json())
        await self.both.compare(found, [key] if order else [])

    async def many(self, act: str, by: str, given: Body) -> None:
        """The act on all orders and on one that nobody knows."""
        keys = [*self.model.orders, UNKNOWN]
        who = calls.caller(act, by, keys[0], self.model.orders.get(keys[0]))
        body = self._body(act, keys[0], given)
        self.both.did(act, "many by", who.name, body or "")
        named = [{"shop_id": shop_id, "order_id": order_id} for shop_id, order_id in keys]
        path, orders = act.replace("_", "-"), [{**each, **body} for each in named]
        got = await self.service.call(who, "POST", f"/orders/{path}", {"orders": orders})
        found = await self.both.looked()
        reasons = [self.model.act(who, act, key, body) for key in keys]
        if got.is_error:
            self._same_answer(act, keys[0], reasons[0], calls.refusal(got), {})
        else:
            self._same_outcomes(act, dict(zip(keys, reasons, strict=True)), got.json())
        await self.both.compare(found, self.model.orders)

    async def a_day_passes(self) -> None:
        """Nobody answered for 24 hours what is asked."""
        asked = [order for order in self.model.orders.values() if order.requests]
        if asked:
            self.both.did("24 hours pass")
            await self.service.a_day_passes()
        for order in asked:
            order.overdue = {*order.requests}

    async def next_day(self) -> None:
        """The UTC day ends."""
        self.both.did("the next day begins")
        await self.service.next_day()
        self.model.next_day()

    async def follow(self) -> None:
        """One step of the worker: of the links that orders lag behind it takes any."""
        behind = [order for order in self.model.orders.values() if self.model.is_behind(order)]
        self.both.did("the follower steps")
        await self.service.step("follower")
        found = await self.both.looked()
        moved = {_link_id(order) for order in behind if found["orders"][order.key] != order.row()}
        self.both.same("whether more links than one were followed", False, len(moved) > 1)
        for order in behind:
            if _link_id(order) in moved:
                self.model.bring_up(order)
        await self.both.compare(found, [order.key for order in behind])

    async def lapse(self) -> None:
        """One step of the worker that ends what nobody answered."""
        overdue = [order for order in self.model.orders.values() if order.overdue]
        self.both.did("the lapser steps")
        await self.service.step("lapser")
        for order in overdue:
            self.model.bring_up(order)
        await self.both.compare(await self.both.looked(), [order.key for order in overdue])

    async def save_older(self, nth: int, part: str) -> None:
        """Somebody saves an order who read an older version of it, as nobody who claims first can."""
        key = self._order(nth)
        if key in self.model.orders:
            self.both.did("save", called(key), "under an older", part)
            self.both.same("whether it is held off", True, await self.service.save_older(key, part))
            await self.both.compare(await self.both.looked(), [key])

    async def _told(self, *, latest_only: bool) -> None:
        sent = self.topics.states(self.links.told())
        await self._committed("links", compacted(sent) if latest_only else sent)

    async def _committed(self, what: str, sent: list[Sent]) -> None:
        self._batches.append((what, sent))
        await self.service.commit(what, sent)
        found = await self.both.looked()
        if what == "links":
            self.model.links_come(sent)
        else:
            self.model.orders_come(sent, lambda key, equals: self.both.choose(found, key, equals))
        keys = [each.said["key"] for each in sent if each.said and "key" in each.said]
        await self.both.compare(found, dict.fromkeys(keys or [*self.model.orders][:1]))

    def _order(self, nth: int) -> Key:
        """One of the orders, the newest first."""
        known = [*self.model.orders]
        return known[-1 - nth % len(known)] if known else UNKNOWN

    def _body(self, act: str, key: Key, given: Body) -> Body:
        link = self._link(key, given.get("threepl", ""))
        return calls.body(act, given, self.model.orders.get(key), link["id"])

    def _link(self, key: Key, threepl: str) -> Body:
        """The link of an order's shop with a 3PL, or one that isn't there."""
        shop = next(each for each in SHOPS if each.id == key[0])
        return self.links.newest.get((shop.name, threepl), UNLINKED)

    def _is_active(self, key: Key, threepl: str) -> bool:
        known = self.model.links.get(self._link(key, threepl)["id"], UNLINKED)
        return bool(known["status"] == "active")

    def _same_outcomes(self, act: str, wanted: dict[Key, set[str]], got: Body) -> None:
        outcomes = {(each["shop_id"], each["order_id"]): each for each in got["outcomes"]}
        self.both.same("which orders are answered", [*wanted], [*outcomes])
        self.both.same("how many were refused", sum(map(bool, wanted.values())), got["refused"])
        for key, reasons in wanted.items():
            done = {"type": "", "status": 200}
            self._same_answer(act, key, reasons, outcomes[key]["problem"] or done, outcomes[key]["order"])

    def _same_answer(self, act: str, key: Key, reasons: set[str], problem: Body, state: Any) -> None:
        why = calls.reason(problem)
        if why not in (reasons or {""}):
            self.both.same(f"why {called(key)} was refused", sorted(reasons), why)
        self.both.same("the status", calls.status(why), problem["status"])
        self.service.counts[f"{act} {'refused' if why else 'done'}"] += 1
        if not why:
            wanted = self.model.orders[key].state()
            self.both.same(f"{called(key)} as it was answered", wanted, answered(state, wanted))


def _unusual(event: Body) -> str:
    """Whose an event is, and what sets it apart from the usual one."""
    told = {each: value for each, value in event.items() if value != ORDER[each] and each != "key"}
    return f"{called(KEYS[event['key']])}{f' {json.dumps(told)}' if told else ''},"


def _link_id(order: OrderTold) -> Any:
    return order.holding and order.holding["link_id"]

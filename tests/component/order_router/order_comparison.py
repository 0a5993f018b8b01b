"""The router beside the model: what is done to the one is told to the other, and compared."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tests.component.order_router.order_invariants import broken
from tests.component.order_router.order_model import Model
from tests.component.order_router.order_service import ACCOUNTS, Service
from tests.component.order_router.order_told import Account, Body, Key, decision_of


class Difference(AssertionError):
    """The router did not do what the model says; `acts` are those that led there."""

    def __init__(self, acts: list[str], what: str, wanted: object, got: object) -> None:
        steps = "\n  ".join(acts)
        if isinstance(wanted, dict) and isinstance(got, dict):
            apart = [name for name in {**wanted, **got} if wanted.get(name) != got.get(name)]
            wanted, got = ({name: each.get(name) for name in apart} for each in (wanted, got))
        super().__init__(f"after\n  {steps}\n{what} should be\n  {wanted}\nand is\n  {got}")
        self.acts = acts


class Comparison:
    """An empty router and an empty model; `acts` is what was done so far, `said` each order's events."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.model = Model()
        self.acts: list[str] = []
        self.said: dict[str, list[Body]] = defaultdict(list)
        self._read_to = 0
        self._before: dict[Key, Body] = {}
        self._looked_at: object = None

    def did(self, *words: object) -> None:
        """Takes note of what is done now."""
        self.acts.append(" ".join(str(word) for word in words if word))
        self.service.counts["acts"] += 1

    async def looked(self) -> Body:
        """What lies in the database now, its orders by key; what was said meanwhile is remembered."""
        found = await self.service.snapshot(self._read_to)
        found["orders"] = {(row["shop_id"], row["order_id"]): _row(row) for row in found["orders"]}
        for each in found["said"]:
            self._read_to = each["id"]
            self.said[each["key"]].append(json.loads(each["value"]))
        return found

    def choose(self, found: Body, key: Key, equals: Sequence[str]) -> str:
        """The link that the router gave an order of several that may have it."""
        decision = found["orders"].get(key, {}).get("decision") or {"link_id": None}
        if decision["link_id"] not in equals:
            raise Difference(self.acts, f"the link of {called(key)}", f"one of {equals}", decision["link_id"])
        return str(decision["link_id"])

    async def compare(
        self, found: Body, touched: Iterable[Key], who_looks: Sequence[Account] | None = None
    ) -> None:
        """Database, outbox and API against the model, and each against DESIGN's invariants."""
        model = self.model
        self.same("the orders", {*model.orders}, {*found["orders"]})
        for key, order in model.orders.items():
            self.same(f"order {called(key)} in the database", order.row(), found["orders"][key])
            self._events(key)
        counts = {pair: number for pair, number in model.counts.items() if number}
        days = {(row["link_id"], row["day"]): row["orders"] for row in found["days"]}
        self.same("the days' counts", {(link, str(day)): n for (link, day), n in counts.items()}, days)
        offsets = {(row["topic"], row["partition"]): row["next_offset"] for row in found["offsets"]}
        self.same("the offsets", model.offsets, offsets)
        links = {row["id"]: row["version"] for row in found["links"]}
        self.same(
            "the links' versions", {link["id"]: link["version"] for link in model.links.values()}, links
        )
        self.same("how many dead letters there are", model.dead_letters, found["letters"])
        for key, row in found["orders"].items():
            self.same(
                f"what is broken of {called(key)}", [], broken(self._before.get(key), row, self._told(key))
            )
        self._before = found["orders"]
        keys, looked_at = list(touched), self._looked_at
        self._looked_at = (
            found["orders"],
            {**model.links},
            [{*each.overdue} for each in model.orders.values()],
        )
        if who_looks or looked_at != self._looked_at:
            await self._views(keys, who_looks or self._lookers(keys))

    async def end(self) -> None:
        """Once the workers are idle nothing is left to follow or to lapse."""
        self.did("the workers go on until they are idle")
        self.same("whether the workers come to an end", True, await self.service.idle())
        for order in self.model.orders.values():
            self.model.bring_up(order)
        found = await self.looked()
        self.same(
            "which links are unsettled", [], [row["id"] for row in found["links"] if not row["settled"]]
        )
        await self.compare(found, self.model.orders, ACCOUNTS)
        for key, order in self.model.orders.items():
            last = self._told(key)[-1:]
            self.service.counts.update(event["type"] for event in order.events)
            if last:
                self.same("the holder that was said last", order.holder, _holder(key, last[0]))

    def same(self, what: str, wanted: object, got: object) -> None:
        if wanted != got:
            raise Difference(self.acts, what, wanted, got)

    def _told(self, key: Key) -> list[Body]:
        return [event for event in map(_event, self.said["/".join(key)]) if event["type"] != "shipment"]

    def _events(self, key: Key) -> None:
        """What was said of an order since the last look."""
        order, said = self.model.orders[key], self.said["/".join(key)]
        got = [_event(each) for each in said[order.compared :]]
        wanted = order.events[order.compared :]
        self.same(
            f"the events of {called(key)}", [_name(each) for each in wanted], [_name(each) for each in got]
        )
        for expected, event in zip(wanted, got, strict=True):
            self.same(f"an event of {called(key)}", expected, event)
        ids = [each["id"] for each in said[order.compared :]]
        self.same("the events' ids", [_id(key, each) for each in wanted], ids)
        order.compared = len(said)

    async def _views(self, touched: Sequence[Key], who_looks: Sequence[Account]) -> None:
        lists = await asyncio.gather(*(self._list(who) for who in who_looks))
        seen = Counter(
            key for who, keys in zip(who_looks, lists, strict=True) for key in keys if who.kind == "threepl"
        )
        self.same("which orders two 3PLs see", [], [key for key, number in seen.items() if number > 1])
        await asyncio.gather(*(self._one(who, key) for key in touched for who in who_looks))

    def _lookers(self, touched: Iterable[Key]) -> list[Account]:
        """The orders' shops, and all 3PLs."""
        shops = {shop_id for shop_id, _ in touched}
        return [who for who in ACCOUNTS if who.kind == "threepl" or who.id in shops]

    async def _list(self, who: Account) -> list[Key]:
        got = await self.service.call(who, "GET", "/orders")
        self.same(f"the status of {who.name}'s list", 200, got.status_code)
        seen = {key: self.model.seen(who, key) for key in self.model.orders}
        wanted = {key: order.summary(who.kind) for key, order in seen.items() if order}
        listed = {(body["shop_id"], body["order_id"]): body for body in got.json()["orders"]}
        self.same(f"{who.name}'s list", {*wanted}, {*listed})
        for key, order in wanted.items():
            self.same(f"{called(key)} in {who.name}'s list", order, answered(listed[key], order))
        return list(listed)

    async def _one(self, who: Account, key: Key) -> None:
        got = await self.service.call(who, "GET", f"/orders/{key[0]}/{key[1]}")
        order = self.model.seen(who, key)
        self.same(f"the status of {called(key)} for {who.name}", 200 if order else 404, got.status_code)
        if order:
            wanted, body = order.detail(who.kind), got.json()
            told = {**answered(body, wanted), "decision": decision_of(body["decision"])}
            self.same(f"{called(key)} as {who.name} sees it", wanted, told)


def called(key: Key) -> str:
    """What an order is called here: ids clash between shops."""
    return key[1] if key[0] == ACCOUNTS[0].id else f"{key[1]} of another shop"


def answered(body: Body, wanted: Body) -> Body:
    """Of what was answered that which is told; of requests their kinds."""
    told = {name: body.get(name) for name in wanted}
    return {**told, "requests": [each["kind"] for each in body["requests"]]}


def _row(row: Body) -> Body:
    version = (
        None
        if row["version"] is None
        else tuple(row[name] for name in ("version", "topic", "partition", "offset"))
    )
    requests = [kind for kind in ("cancellation", "take_over") if row[f"{kind}_requested_at"]]
    read = {
        name: json.loads(row[name] or "null") for name in ("document", "settings", "consignment", "decision")
    }
    plain = ("stage", "link_id", "threepl_id", "epoch", "settings_version", "sequence")
    return {
        **{name: row[name] for name in plain},
        **read,
        "version": version,
        "requests": requests,
        "decision": decision_of(read["decision"]),
    }


def _event(event: Body) -> Body:
    """An event as the model tells it."""
    data = dict(event["data"])
    data.pop("shipped_at", None)
    if data.get("request"):
        data["request"] = {name: data["request"][name] for name in ("kind", "status")}
    name = event["type"].removeprefix("com.orderdock.")
    return {"type": "shipment" if name == "shipment.created" else name.rpartition(".")[2], **data}


def _name(event: Body) -> Any:
    return event["type"], event.get("stage"), event.get("request")


def _id(key: Key, event: Body) -> str:
    ending = "/shipment" if event["type"] == "shipment" else ""
    return f"{key[0]}/{key[1]}/{event['sequence']}{ending}"


def _holder(key: Key, event: Body) -> str:
    return str(event["threepl_id"]) if event["holder"] == "threepl" else key[0]

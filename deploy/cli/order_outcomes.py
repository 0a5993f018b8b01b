"""An act on one or many orders: performed step by step, and what became of each order."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer

from deploy.cli import output
from deploy.cli.connection import Connection, GivenRouter, Listed, connect
from deploy.cli.order_names import NamedOrder, Orders
from deploy.local.errors import PlatformError

STEP = 1000  # orders that one call acts on: the API takes no more


@dataclass(frozen=True)
class Act:
    """What is done: its path below one order, that for many, and what the API is told beside the orders."""

    one: tuple[str, ...]
    many: str
    about: Mapping[str, Any]

    def body(self, order: NamedOrder) -> dict[str, Any]:
        """What is said of one order; its own line goes before the command's options."""
        own = order.consignment if self.many == "ship" else {}
        return {**self.about, **own}


def held_by(order: dict[str, Any]) -> str:
    """Who has the order."""
    return "the shop" if order["holder"] == "shop" else str(order["threepl_id"])


def asked(request: dict[str, Any]) -> str:
    """A request of an order."""
    kind = request["kind"].replace("_", "-")
    return f"{kind} asked for, unanswered it lapses {output.moment(request['lapses_at'])} UTC"


def standing(order: dict[str, Any]) -> str:
    """How an order stands."""
    return "; ".join([f"{order['stage']}, with {held_by(order)}", *map(asked, order["requests"])])


OUTCOMES: output.Columns = {
    "order": lambda outcome: f"{outcome['shop_id']}/{outcome['order_id']}",
    "done": lambda outcome: "no" if outcome["problem"] else "yes",
    "outcome": lambda outcome: (
        outcome["problem"]["detail"] if outcome["problem"] else standing(outcome["order"])
    ),
}


def perform(given: GivenRouter, orders: Orders, act: Act) -> None:
    """Acts on the orders and tells what became of them; exit code 1 if one was refused."""
    named = orders.read()
    with connect(given, service="order-router") as router:
        if orders.is_one:
            done = router.post(named[0].at("orders", act=act.one), act.body(named[0]))
            number = f" {done['number']}" if done["number"] else ""
            output.done(
                given.as_json,
                done,
                f"Order{number} ({done['shop_id']}/{done['order_id']}) is {standing(done)}.",
            )
        elif _all(router, named, act, as_json=given.as_json):
            raise typer.Exit(1)


def _all(router: Connection, orders: Sequence[NamedOrder], act: Act, *, as_json: bool) -> int:
    """How many of the orders were refused, once all are told."""
    with _telling(as_json) as told:
        for start in range(0, len(orders), STEP):
            told.tell(_step(router, orders, start, act))
            if len(orders) > STEP:
                typer.echo(f"{told.orders:,} of {len(orders):,} orders …", err=True)
    if not as_json:
        print(_sum(told.orders, told.refused), flush=True)
    return told.refused


def _step(router: Connection, orders: Sequence[NamedOrder], start: int, act: Act) -> dict[str, Any]:
    step = orders[start : start + STEP]
    body = {"orders": [{**order.key, **act.body(order)} for order in step]}
    try:
        answer: dict[str, Any] = router.post(f"/orders/{act.many}", body)
    except PlatformError as error:
        if len(orders) <= STEP:
            raise
        since = f"{step[0].shop_id}/{step[0].order_id}"
        raise PlatformError(
            f"{error} It broke off at the orders from {since} on; {start:,} of {len(orders):,} were "
            "dealt with before. Give the same command again: nothing is done twice."
        ) from error
    return answer


class _Told:
    """Outcomes as they are told, and how many there were."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.orders = 0
        self.refused = 0

    def tell(self, answer: dict[str, Any]) -> None:
        outcomes = answer["outcomes"]
        if self._as_json:
            for number, outcome in enumerate(outcomes, self.orders):
                print(",\n" if number else '{"outcomes": [\n', json.dumps(outcome), sep="", end="")
        else:
            output.listed(False, Listed(outcomes, more=False), OUTCOMES, "")
        self.orders += len(outcomes)
        self.refused += answer["refused"]


@contextmanager
def _telling(as_json: bool) -> Iterator[_Told]:
    """Tells each step at once and keeps none; the JSON document is whole although the calls break off."""
    told = _Told(as_json=as_json)
    try:
        yield told
    finally:
        if as_json and told.orders:
            print(f'\n], "refused": {told.refused}}}', flush=True)


def _sum(orders: int, refused: int) -> str:
    if not refused:
        return f"Done: {orders:,} {'order' if orders == 1 else 'orders'}."
    return f"Done: {orders - refused:,} of {orders:,} orders. Refused: {refused:,}."

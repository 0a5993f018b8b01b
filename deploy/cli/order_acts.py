"""`orderdock orders start`, `queue`, `deliver`, `return`, `assign`, `take-over`, `accept` and `refuse`."""

from typing import Annotated

import typer

from deploy.cli.connection import GivenRouter
from deploy.cli.options import grouped
from deploy.cli.order_names import Orders
from deploy.cli.order_outcomes import Act, perform
from shared.contracts.assignments import RequestKind

Kind = Annotated[RequestKind, typer.Option(help="What the shop asks: see `orderdock orders show`.")]


@grouped
def start(orders: Orders, given: GivenRouter) -> None:
    """Start picking open orders (3PL): from then on the shop can only ask for them.

    Example: orderdock orders start S-7F3K-9QXC/1001 S-7F3K-9QXC/1002

    Or all of a list: orderdock orders export --stage open --json | orderdock orders start --from-file -
    """
    perform(given, orders, Act(("start",), "start", {}))


@grouped
def queue(orders: Orders, given: GivenRouter) -> None:
    """Put open or picked orders into the shipping queue (3PL)."""
    perform(given, orders, Act(("queue",), "queue", {}))


@grouped
def deliver(orders: Orders, given: GivenRouter) -> None:
    """Say that shipped orders were delivered (3PL)."""
    perform(given, orders, Act(("deliver",), "deliver", {}))


@grouped
def give_back(orders: Orders, given: GivenRouter) -> None:
    """Say that shipped or delivered orders came back (3PL)."""
    perform(given, orders, Act(("return",), "return", {}))


@grouped
def assign(
    orders: Orders,
    link_id: Annotated[
        str, typer.Option("--link", metavar="LINK_ID", help="An active one: see `orderdock links list`.")
    ],
    given: GivenRouter,
) -> None:
    """Give open orders that the shop holds to one of its links (shop).

    They count towards the link's daily limit, which doesn't hold them back.

    Example: orderdock orders assign S-7F3K-9QXC/1001 --link 5f0c6c5e-1d5b-4a52-9b0e-3f1d3c1f7a11
    """
    perform(given, orders, Act(("assign",), "assign", {"link_id": link_id}))


@grouped
def take_over(orders: Orders, given: GivenRouter) -> None:
    """Take orders back from the 3PL (shop).

    An open one is the shop's at once.

    Of one that is picked or queued the 3PL is asked: unanswered for 24 hours, that lapses as refused.
    """
    perform(given, orders, Act(("take-over",), "take-over", {}))


@grouped
def accept(orders: Orders, kind: Kind, given: GivenRouter) -> None:
    """Accept what the shop asks (3PL): a cancellation cancels the order, a take-over gives it back.

    Example: orderdock orders accept S-7F3K-9QXC/1001 --kind take_over
    """
    perform(given, orders, _answer(kind, accept=True))


@grouped
def refuse(orders: Orders, kind: Kind, given: GivenRouter) -> None:
    """Refuse what the shop asks (3PL): the order goes on as if nothing had been asked."""
    perform(given, orders, _answer(kind, accept=False))


def _answer(kind: RequestKind, *, accept: bool) -> Act:
    verb = "accept" if accept else "refuse"
    return Act(
        (
            "requests",
            kind,
            verb,
        ),
        "answer",
        {"kind": kind, "accept": accept},
    )

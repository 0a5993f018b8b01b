"""`orderdock endpoints test`: a test event is sent to an endpoint, and what it answered is told."""

import time
from typing import Annotated, Any

import typer

from deploy.cli import output
from deploy.cli.connection import Connection, at
from deploy.cli.delivery_facts import SHOWN, answered, cut, took
from deploy.cli.delivery_options import GivenDispatcher, connect_dispatcher
from deploy.cli.endpoint_facts import EndpointId
from deploy.cli.options import grouped
from deploy.local.errors import PlatformError

LOOK_EVERY = 0.2  # seconds


@grouped
def try_out(
    endpoint_id: EndpointId,
    given: GivenDispatcher,
    wait: Annotated[int, typer.Option(min=1, help="Seconds to wait for the attempt.")] = 60,
) -> None:
    """Send a test event, type webhook.test, to an endpoint (3PL), and show what it answered.

    Exits 1 if it didn't take it.
    """
    with connect_dispatcher(given) as dispatcher:
        delivery = dispatcher.post(at("endpoints", endpoint_id, "test"))
        tried = _tried(dispatcher, delivery["id"], wait)
    first = tried["made"][0]
    output.facts(given.as_json, tried, _facts(tried, first))
    if first["outcome"] != "delivered":
        raise typer.Exit(1)


def _tried(dispatcher: Connection, delivery_id: str, wait: int) -> dict[str, Any]:
    """The test's delivery, once there is an attempt."""
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        found: dict[str, Any] = dispatcher.get(at("deliveries", delivery_id))
        if found["made"]:
            return found
        time.sleep(LOOK_EVERY)
    raise PlatformError(
        f"The test event {delivery_id} was not tried in {wait} s: its endpoint's breaker or pace holds it "
        f"(`orderdock endpoints health`). `orderdock deliveries show {delivery_id}` shows what comes of it."
    )


def _facts(tried: dict[str, Any], attempt: dict[str, Any]) -> dict[str, object]:
    taken = "it took it" if attempt["outcome"] == "delivered" else "it did not take it"
    return {
        "outcome": taken,
        "answered": answered(attempt),
        "took": took(attempt),
        "url": attempt["url"],
        "answer": cut(attempt["answer"], SHOWN),
        "delivery": tried["id"],
    }

"""What people are told of an endpoint: whether it gets webhooks, its pace, and how it fares."""

from typing import Annotated, Any

import typer

from deploy.cli import output
from deploy.cli.delivery_times import span

DEFAULT = "the default"

EndpointId = Annotated[str, typer.Argument(metavar="ENDPOINT_ID", help="See `orderdock endpoints list`.")]


def standing(endpoint: dict[str, Any]) -> str:
    """Whether webhooks go there now."""
    if not endpoint["enabled"]:
        return f"disabled: {endpoint['disabled_reason']}"
    if endpoint["failing_since"] is not None:
        return f"failing since {output.moment(endpoint['failing_since'])} UTC"
    return "enabled"


def breaker(endpoint: dict[str, Any]) -> str:
    """What the circuit breaker lets through."""
    if endpoint["breaker"] == "open":
        until = f" until {output.moment(endpoint['breaker_until'])} UTC" if endpoint["breaker_until"] else ""
        return f"open: it gets nothing{until}"
    return {"closed": "closed: everything goes", "half_open": "half open: it is being tried"}[
        endpoint["breaker"]
    ]


def paced(chosen: dict[str, Any]) -> dict[str, object]:
    """How fast and how often it is tried."""
    schedule = chosen["retry_schedule"]
    rate = DEFAULT if chosen["rate"] is None else f"{chosen['rate']:g} a second"
    return {
        "attempts at once": DEFAULT if chosen["concurrency"] is None else chosen["concurrency"],
        "attempts started": rate,
        "tried again after": DEFAULT if schedule is None else ", ".join(map(span, schedule)),
    }


def next_step(endpoint: dict[str, Any]) -> str:
    """What one can do about it; empty where nothing is wrong."""
    if not endpoint["enabled"]:
        return (
            f"What waits for it goes out once it is enabled: `orderdock endpoints enable {endpoint['id']}`."
        )
    if endpoint["failing_since"] is not None:
        return (
            f"`orderdock endpoints health {endpoint['id']}` says how it fails, "
            f"`orderdock endpoints test {endpoint['id']}` tries it."
        )
    return ""


COLUMNS: output.Columns = {
    "id": lambda endpoint: endpoint["id"],
    "shop": lambda endpoint: endpoint["shop_id"],
    "url": lambda endpoint: endpoint["url"],
    "state": standing,
    "breaker": lambda endpoint: endpoint["breaker"].replace("_", " "),
}


def of(endpoint: dict[str, Any]) -> dict[str, object]:
    """The facts of an endpoint."""
    return {
        "id": endpoint["id"],
        "url": endpoint["url"],
        "link": endpoint["link_id"],
        "shop": endpoint["shop_id"],
        "3PL": endpoint["threepl_id"],
        "state": standing(endpoint),
        "disabled (UTC)": output.moment(endpoint["disabled_at"]),
        "breaker": breaker(endpoint),
        **paced(endpoint["pace"]),
        "since (UTC)": output.moment(endpoint["created_at"]),
    }

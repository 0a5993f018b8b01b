"""`orderdock endpoints health`: how an endpoint's attempts went of late, and what waits for it."""

from typing import Any

from deploy.cli import output
from deploy.cli.connection import at
from deploy.cli.delivery_options import GivenDispatcher, connect_dispatcher
from deploy.cli.endpoint_facts import EndpointId, breaker
from deploy.cli.options import grouped


@grouped
def health(endpoint_id: EndpointId, given: GivenDispatcher) -> None:
    """Show how an endpoint fares: its last attempts, how long they took, what waits for it."""
    with connect_dispatcher(given) as dispatcher:
        found = dispatcher.get(at("endpoints", endpoint_id, "health"))
    output.facts(given.as_json, found, _facts(found))


def _facts(found: dict[str, Any]) -> dict[str, object]:
    return {
        "state": _state(found),
        "breaker": breaker(found),
        f"attempts since {output.moment(found['since'])} UTC": _attempts(found),
        "took": _times(found),
        "last success (UTC)": output.moment(found["last_success"]),
        "last failure (UTC)": _failure(found["last_failure"]),
        "waiting": _waiting(found),
        "in flight": found["in_flight"],
    }


def _state(found: dict[str, Any]) -> str:
    if not found["enabled"]:
        return "disabled"
    failing = found["failing_since"]
    return "enabled" if failing is None else f"failing since {output.moment(failing)} UTC"


def _attempts(found: dict[str, Any]) -> str:
    if not found["attempts"]:
        return "none"
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in found["outcomes"].items())
    rate = f"{found['attempts_per_minute']:,.1f} a minute"
    return f"{found['attempts']:,}, {rate}, {found['success_rate']:.1%} delivered ({outcomes})"


def _times(found: dict[str, Any]) -> str:
    told = {"half in": "p50_ms", "95 % in": "p95_ms", "99 % in": "p99_ms"}
    return ", ".join(f"{share} {found[key]:,} ms" for share, key in told.items() if found[key] is not None)


def _failure(failure: dict[str, Any] | None) -> str:
    return "" if failure is None else f"{output.moment(failure['at'])}: {failure['reason']}"


def _waiting(found: dict[str, Any]) -> str:
    waiting, oldest = found["waiting"], found["oldest_waiting"]
    if not waiting["count"]:
        return "none"
    count = f"{waiting['count']:,}{' or more' if waiting['more'] else ''}, of these due now {found['due']:,}"
    if oldest is None:
        return count
    return f"{count}; the oldest event is of {output.moment(oldest['event_time'])} UTC"

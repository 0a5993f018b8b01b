"""What people are told of a delivery: how it stands, each attempt, and what they can do about it."""

import json
import shlex
from datetime import UTC, datetime
from typing import Any

from deploy.cli import output

SHOWN = 4000  # characters of a body that a person is shown
ANSWER_SHOWN = 500  # and of an answer, in a table

ENDS = {
    "refused": "Its endpoint refused the body. Once it takes it: `orderdock deliveries resend {id}`.",
    "exhausted": "It is tried no more. Once its endpoint works: `orderdock deliveries resend {id}`.",
    "withdrawn": (
        "Its link was told to send open orders nowhere. Once `orderdock links settings {link_id}` names a "
        "URL for open orders too: `orderdock deliveries resend {id}`."
    ),
}


def order(delivery: dict[str, Any]) -> str:
    """The order's name as the commands take it."""
    return "a test" if delivery["order_id"] is None else f"{delivery['shop_id']}/{delivery['order_id']}"


def event(delivery: dict[str, Any]) -> str:
    """What happened, and as which of its order's events."""
    return str(delivery["type"]) + ("" if delivery["order_id"] is None else f" {delivery['sequence']}")


def standing(delivery: dict[str, Any]) -> str:
    """The status, and what a waiting one waits for."""
    if delivery["status"] != "waiting":
        return str(delivery["status"])
    if delivery["in_flight"]:
        return "waiting, in flight"
    if delivery["behind"]:
        return "waiting behind an earlier one"
    held = delivery["next_attempt_at"] is None
    return "waiting: its endpoint is disabled" if held else "waiting"


def next_step(delivery: dict[str, Any]) -> str:
    """What comes next, and what one can do about it; empty where it was delivered."""
    if delivery["status"] != "waiting":
        return ENDS.get(delivery["status"], "").format_map(delivery)
    if delivery["in_flight"]:
        return "It is being sent now."
    if delivery["behind"]:
        waiting = f"--order {shlex.quote(order(delivery))} --status waiting"
        return f"An earlier event of its order goes first: `orderdock deliveries list {waiting}`."
    if delivery["next_attempt_at"] is None:
        endpoint = delivery["endpoint_id"]
        return (
            f"Its endpoint is disabled: `orderdock endpoints show {endpoint}` says why, "
            f"`orderdock endpoints enable {endpoint}` sends what waits."
        )
    if datetime.fromisoformat(delivery["next_attempt_at"]) > datetime.now(UTC):
        return f"The next attempt is due at {second(delivery['next_attempt_at'])} UTC."
    health = f"`orderdock endpoints health {delivery['endpoint_id']}`"
    return f"It is due and goes out when its endpoint's breaker and pace let it: {health}."


def second(at: str) -> str:
    """A time of the API, in UTC, to the second."""
    return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def took(attempt: dict[str, Any]) -> str:
    """How long an attempt took."""
    return f"{attempt['duration_ms']:,} ms"


def answered(attempt: dict[str, Any]) -> str:
    """What the endpoint answered, what went wrong, or both."""
    status = "" if attempt["status"] is None else f"HTTP {attempt['status']}"
    return "; ".join(filter(None, (status, attempt["error"])))


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} … (--json shows it whole)"


COLUMNS: output.Columns = {
    "id": lambda delivery: delivery["id"],
    "order": order,
    "event": event,
    "status": standing,
    "attempts": lambda delivery: delivery["attempts"],
    "ended, or next (UTC)": lambda delivery: output.moment(
        delivery["finished_at"] or delivery["next_attempt_at"]
    ),
}
ATTEMPTS: output.Columns = {
    "attempt": lambda attempt: attempt["number"],
    "started (UTC)": lambda attempt: second(attempt["started_at"]),
    "took": took,
    "outcome": lambda attempt: attempt["outcome"],
    "answered": answered,
    "answer": lambda attempt: cut(attempt["answer"], ANSWER_SHOWN),
    "url": lambda attempt: attempt["url"],
}


def of(delivery: dict[str, Any]) -> dict[str, object]:
    """The facts of a delivery."""
    return {
        "id": delivery["id"],
        "order": order(delivery),
        "event": event(delivery),
        "status": standing(delivery),
        "url": delivery["url"],
        "endpoint": delivery["endpoint_id"],
        "link": delivery["link_id"],
        "3PL": delivery["threepl_id"],
        "attempts": delivery["attempts"],
        "failures counted": delivery["failures"],
        "event of (UTC)": output.moment(delivery["event_time"]),
        "next attempt (UTC)": output.moment(delivery["next_attempt_at"]),
        "ended (UTC)": output.moment(delivery["finished_at"]),
        "body": cut(json.dumps(json.loads(delivery["body"]), indent=2, ensure_ascii=False), SHOWN),
    }

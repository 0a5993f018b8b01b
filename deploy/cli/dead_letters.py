"""`orderdock dead-letters`: what a service could not handle, listed, looked into and put back."""

from typing import Annotated, Any

import typer

from deploy.cli import output
from deploy.cli.connection import Connection, GivenAny, Listed, Service, at, connect
from deploy.cli.options import Most, Yes, grouped
from shared.dead_letter_rows import State

app = typer.Typer(no_args_is_help=True, help="Messages that a service could not handle (operators).")

A_CALL = 100  # letters that one call puts back: its answer is not waited for longer than 30 s
SHOWN = 4000  # characters of a message that a person is shown

Of = Annotated[Service, typer.Option("--service", help="Whose dead letters.")]
Topic = Annotated[str | None, typer.Option(help="Only those of this topic.")]
Reason = Annotated[
    str | None, typer.Option(metavar="WORDS", help="Only those whose reason contains these words.")
]


def place(letter: dict[str, Any]) -> str:
    """Where on Kafka the message was."""
    return f"{letter['topic']}/{letter['partition']}/{letter['offset']}"


COLUMNS: output.Columns = {
    "id": lambda letter: letter["id"],
    "received (UTC)": lambda letter: output.moment(letter["received_at"]),
    "place": place,
    "bytes": lambda letter: letter["size"],
    "reason": lambda letter: letter["reason"],
    "put back (UTC)": lambda letter: output.moment(letter["put_back_at"]),
}
OUTCOMES: output.Columns = {
    "id": lambda outcome: outcome["id"],
    "outcome": lambda outcome: "put back" if outcome["problem"] is None else outcome["problem"]["detail"],
}


@app.command("list")
@grouped
def list_all(
    given: GivenAny,
    service: Of = "order-router",
    state: Annotated[State, typer.Option(help="Those that wait, those put back, or all.")] = "waiting",
    topic: Topic = None,
    reason: Reason = None,
    limit: Most = 50,
) -> None:
    """List a service's dead letters."""
    with connect(given, "operator", service) as connection:
        found = connection.some("/dead-letters", limit, state=state, topic=topic, reason=reason)
    output.listed(given.as_json, found, COLUMNS, f"There are no such dead letters of {service}.")


@app.command()
@grouped
def show(
    letter_id: Annotated[int, typer.Argument(metavar="ID")], given: GivenAny, service: Of = "order-router"
) -> None:
    """Show a dead letter with its bytes."""
    with connect(given, "operator", service) as connection:
        letter = connection.get(at("dead-letters", str(letter_id)))
    output.facts(given.as_json, letter, _facts(letter))


@app.command("put-back")
@grouped
def put_back(
    given: GivenAny,
    letter_ids: Annotated[list[int] | None, typer.Argument(metavar="ID")] = None,
    service: Of = "order-router",
    topic: Topic = None,
    reason: Reason = None,
    yes: Yes = False,
) -> None:
    """Handle dead letters again: those named, or all that wait of a topic or with such a reason.

    Exits 1 if one of them was not put back.
    """
    if bool(letter_ids) == bool(topic or reason):
        raise typer.BadParameter("give either ids, or --topic, --reason or both")
    if not letter_ids and not yes:
        output.sure(f"This has {service} handle every waiting dead letter again that fits. Put them back?")
    with connect(given, "operator", service) as connection:
        outcomes = _named(connection, letter_ids) if letter_ids else _fitting(connection, topic, reason)
    output.listed(
        given.as_json, Listed(outcomes, more=False), OUTCOMES, f"No dead letter of {service} fits and waits."
    )
    if any(outcome["problem"] for outcome in outcomes):
        raise typer.Exit(1)


def _named(connection: Connection, letter_ids: list[int]) -> list[dict[str, Any]]:
    """What came of these, the oldest first."""
    ordered = sorted(set(letter_ids))
    calls = [ordered[start : start + A_CALL] for start in range(0, len(ordered), A_CALL)]
    return [outcome for ids in calls for outcome in _tried(connection, {"ids": ids})["outcomes"]]


def _fitting(connection: Connection, topic: str | None, reason: str | None) -> list[dict[str, Any]]:
    """What came of all that fit, the oldest first."""
    outcomes: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        wanted = {"topic": topic, "reason": reason, "after": after, "limit": A_CALL}
        answer = _tried(connection, wanted)
        outcomes += answer["outcomes"]
        after = answer["next_after"]
    return outcomes


def _tried(connection: Connection, wanted: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = connection.post("/dead-letters/put-back", wanted)
    return answer


def _facts(letter: dict[str, Any]) -> dict[str, object]:
    kept = "" if letter["whole"] else ", of which only the first part was kept: it can't be put back"
    headers = (f"{header['name']}: {_said(header)}" for header in letter["headers"])
    return {
        "id": letter["id"],
        "reason": letter["reason"],
        "place": place(letter),
        "time on Kafka (UTC)": output.moment(letter["timestamp"]),
        "received (UTC)": output.moment(letter["received_at"]),
        "put back (UTC)": output.moment(letter["put_back_at"]),
        "bytes": f"{letter['size']}{kept}",
        "SHA-256": letter["sha256"],
        "key": _said(letter["key"]),
        "headers": "\n".join(headers),
        "message": _said(letter["value"]),
    }


def _said(given: dict[str, Any] | None) -> str:
    """Bytes as text, or in base64 where they are none; of many the first."""
    if given is None:
        return "none"
    said = str(given["text"]) if given["text"] is not None else f"(base64) {given['base64']}"
    return said if len(said) <= SHOWN else f"{said[:SHOWN]} … (--json shows all that was kept)"

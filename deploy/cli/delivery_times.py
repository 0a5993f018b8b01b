"""Times and spans as people type and read them: 2026-11-24T08:30, or 2h for two hours ago."""

import re
from datetime import UTC, datetime, timedelta

import typer

SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?(s|min|m|h|d)")
UNITS = {"d": 86_400, "h": 3600, "min": 60, "s": 1}


def moment(given: str | None, option: str) -> str | None:
    """The time with its zone, which is UTC where none is given; a span is as long ago."""
    if given is None:
        return None
    try:
        ago = _span(given)
        at = datetime.fromisoformat(given) if ago is None else datetime.now(UTC) - timedelta(seconds=ago)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"{given!r} is no time such as 2026-11-24, 2026-11-24T08:30+01:00, or 2h, which is two hours ago",
            param_hint=option,
        ) from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def seconds(given: str, option: str) -> float:
    """The length of a span such as 90s, 2min, 6h or 1d; a number alone is seconds."""
    length = _span(given if given.strip()[-1:].isalpha() else f"{given.strip()}s")
    if length is None:
        raise typer.BadParameter(f"{given!r} is no span such as 90s, 2min, 6h or 1d", param_hint=option)
    return length


def span(length: float) -> str:
    """So many seconds in the largest unit that keeps them whole."""
    unit = next((name for name, size in UNITS.items() if length and length % size == 0), "s")
    return f"{length / UNITS[unit]:g} {unit}"


def _span(given: str) -> float | None:
    found = SPAN.fullmatch(given.strip())
    return None if found is None else float(found[1]) * UNITS.get(found[2], UNITS["min"])

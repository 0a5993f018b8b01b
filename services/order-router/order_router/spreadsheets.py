"""Rows as CSV of which a spreadsheet takes no cell for a formula: pure (RFC 4180)."""

import csv
import io
import re
from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def lines(rows: Iterable[Iterable[object]]) -> str:
    """The rows, each ended by CR LF; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    """What a spreadsheet would run begins with an apostrophe, which shows it as text; a number may stay."""
    cell = "" if value is None else str(value)
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell

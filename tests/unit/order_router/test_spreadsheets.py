"""CSV that a spreadsheet opens as data: no cell of it runs."""

import csv
import io

import pytest

from order_router.spreadsheets import lines


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("Ada", "Ada"),
        (None, ""),
        (7, "7"),
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("https://x.example")', '\'=HYPERLINK("https://x.example")'),
        ("+49 30 123", "'+49 30 123"),
        ("-5.00", "-5.00"),
        ("-5.00-1", "'-5.00-1"),
        ("-", "'-"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("a=1", "a=1"),
        ('say "hi", Ada', 'say "hi", Ada'),
    ],
)
def test_a_cell_is_read_back_as_it_was_unless_it_would_run(value: object, cell: str) -> None:
    assert list(csv.reader(io.StringIO(lines([[value, "end"]]), newline=""))) == [[cell, "end"]]


def test_rows_end_as_the_rfc_wants() -> None:
    assert lines([["a", "b,c"], [1, None]]) == 'a,"b,c"\r\n1,\r\n'

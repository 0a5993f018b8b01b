"""A line of the log: one JSON object, with the same keys for our own lines and a library's."""

import json
import subprocess
import sys
from typing import Any

import pytest

OWN = {"service", "event", "level", "timestamp"}
BEGIN = """
import logging, os, sys
import structlog
from shared.telemetry import configure_logging
log = structlog.get_logger()
configure_logging("test", "INFO")
"""


def lines(said: str) -> list[dict[str, Any]]:
    """What a process of its own writes whose log is configured and that then says this."""
    done = subprocess.run([sys.executable, "-c", BEGIN + said], capture_output=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_line_holds_what_is_said_and_who_said_it_when() -> None:
    [line] = lines("log.info('order.assigned', order_id='№ 1', sequence=1)")
    assert line.keys() == OWN | {"order_id", "sequence"}
    assert (line["event"], line["order_id"], line["level"]) == ("order.assigned", "№ 1", "info")
    assert (line["service"], line["timestamp"][-1]) == ("test", "Z")


def test_a_librarys_line_has_the_same_shape_and_its_name() -> None:
    [line] = lines("logging.getLogger('library').warning('%s is away', 'it')")
    assert line.keys() == OWN | {"logger"}
    assert (line["event"], line["logger"], line["level"]) == ("it is away", "library", "warning")


def test_lines_below_the_level_are_not_written() -> None:
    assert lines("log.debug('a'); logging.getLogger('library').debug('b')") == []


def test_an_error_comes_with_its_traceback() -> None:
    [line] = lines("log.warning('loop.failed', exc_info=ValueError('why'))")
    assert line["exception"] == "ValueError: why"


@pytest.mark.parametrize(
    ("value", "written"),
    [(r"'\ud800'", "\ud800"), ("ValueError('why')", "ValueError('why')"), (r"b'\xff'", "b'\\xff'")],
)
def test_any_value_can_be_said(value: str, written: str) -> None:
    assert [line["value"] for line in lines(f"log.info('said', value={value})")] == [written]


def test_work_goes_on_where_nobody_reads_the_log_any_more() -> None:
    said = "os.close(1); log.info('lost'); sys.stdout.close(); log.info('lost'); os._exit(0)"
    assert lines(said) == []

"""How far a long command is, on stderr: a bar at a terminal, elsewhere a line each tenth of the way."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Tell = Callable[[int, int], None]  # so many are done, of so many


@contextmanager
def progress(what: str) -> Iterator[Tell]:
    """What tells how far it is; what stdout is told stays as it is."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _lines(what: str) -> Tell:
    tenths = 0

    def tell(done: int, of: int) -> None:
        nonlocal tenths
        before, tenths = tenths, 10 * done // max(of, 1)
        if tenths > before:
            typer.echo(f"{what}: {done:,} of {of:,}", err=True)

    return tell

"""How far a resend has come, on stderr: a bar at a terminal, elsewhere a sentence each tenth of the way."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

Tell = Callable[[dict[str, Any]], None]  # the job as it is now


@contextmanager
def progress() -> Iterator[Tell]:
    """What tells how far a job is; what stdout is told stays as it is."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bar:
        task = bar.add_task("", total=1)
        yield lambda job: bar.update(task, description=_so_far(job), completed=job["share"])


def _lines() -> Tell:
    told = 0

    def tell(job: dict[str, Any]) -> None:
        nonlocal told
        before, told = told, int(10 * job["share"])
        if told > before:
            typer.echo(f"{_so_far(job)}, {job['share']:.0%} of the way", err=True)

    return tell


def _so_far(job: dict[str, Any]) -> str:
    return f"{job['resent']:,} to be resent, at the events of {job['day']}"

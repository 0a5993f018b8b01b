"""`orderdock orders export`: the orders of a list as a file, which is written while it comes."""

import sys
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Literal

import typer

from deploy.cli import output
from deploy.cli.connection import GivenRouter, connect
from deploy.cli.options import grouped
from deploy.cli.order_filters import Filters
from deploy.local.api import BrokenOff, Take
from deploy.local.errors import PlatformError
from deploy.local.mail import harmless

Format = Literal["csv", "json-lines"]


@grouped
def export(
    given: GivenRouter,
    filters: Filters,
    file_format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="csv, the default, has what a list shows; a line of JSON also holds the whole order.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Where to: it appears once it is whole. None: stdout."),
    ] = None,
) -> None:
    """Write all orders of a list to a file or stdout, however many; --json alone prints JSON lines.

    Example: orderdock orders export --stage shipped --since 2026-11-01 --output november.csv
    """
    if given.as_json and file is None and file_format == "csv":
        raise typer.BadParameter("says the opposite of --json", param_hint="--format")
    wanted = file_format or ("json-lines" if given.as_json and file is None else "csv")
    query = {**filters.query(), "format": wanted}
    with connect(given, service="order-router") as router, _destination(file) as take:
        router.stream("GET", "/orders/export", take, **query)
    if file is not None:
        told = {"file": str(file), "format": wanted}
        output.done(given.as_json, told, f"The orders are in {file}.")


def _destination(file: Path | None) -> AbstractContextManager[Take]:
    if file is None:
        return _stdout()
    return _whole(file) if file.is_file() or not file.exists() else _device(file)


@contextmanager
def _stdout() -> Iterator[Take]:
    try:
        yield _to_terminal() if sys.stdout.isatty() else sys.stdout.buffer.write
    except BrokenOff as error:
        raise PlatformError(f"{error} What was printed is not the whole: try again.") from error
    finally:
        sys.stdout.flush()


@contextmanager
def _whole(file: Path) -> Iterator[Take]:
    """A file that changes once the new one is whole, and never before; only its owner may read it."""
    target = file.resolve()
    try:
        with NamedTemporaryFile(
            dir=target.parent, prefix=f"{target.name}.", suffix=".incomplete", delete=False
        ) as part:
            try:
                yield part.write
                part.flush()
                Path(part.name).replace(target)
            except BaseException:
                Path(part.name).unlink()
                raise
    except BrokenOff as error:
        raise PlatformError(f"{error} Nothing was written to {file}: try again.") from error
    except OSError as error:
        raise PlatformError(f"The orders can't be written to {file}: {error}.") from error


@contextmanager
def _device(file: Path) -> Iterator[Take]:
    """A pipe, say: what it was given can't be taken back."""
    try:
        with file.open("wb") as device:
            yield device.write
    except BrokenOff as error:
        raise PlatformError(f"{error} What {file} was given is not the whole: try again.") from error
    except OSError as error:
        raise PlatformError(f"The orders can't be written to {file}: {error}.") from error


def _to_terminal() -> Take:
    """What others wrote does not steer the terminal."""
    decoder = getincrementaldecoder("utf-8")("replace")
    return lambda piece: print(harmless(decoder.decode(piece).replace("\r", "")), end="")

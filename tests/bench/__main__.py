"""Measures the integration service side by side with what its speed is held against: `python -m tests.bench`.

Exits 1 and names the aim if a ratio misses it. Absolute figures are printed and never held to anything.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

from rich.console import Console

from deploy.local.errors import PlatformError
from tests.bench import announcing, cast, pages, reading, report
from tests.bench.aims import Measure
from tests.bench.cast import Cast
from tests.bench.errors import BenchError
from tests.bench.load import Load, load
from tests.bench.stage import Servers, servers


async def bench(running: Servers) -> list[Measure]:
    """All measures of a service that is started here and stopped after them."""
    say("Making the links …")
    actors = await cast.make(running.database_url)
    with ExitStack() as stack:
        async with load() as started:
            counted = await _count(running, actors, started, stack)
            return [*await _read(running, actors, started, stack), *counted]


async def _count(running: Servers, actors: Cast, load: Load, stack: ExitStack) -> list[Measure]:
    async with announcing.relay_kept_out(running.database_url) as held:
        url = running.start_service(stack)
        say("Counting the transactions of acts …")
        token, account = await cast.token(url, actors.acting), actors.acting.account_id
        counted = await announcing.measure(load, held, running.server_url, url, token, account)
    await announcing.published(running.database_url)
    return counted


async def _read(running: Servers, actors: Cast, load: Load, stack: ExitStack) -> list[Measure]:
    url, database, most = running.service.url, running.database_url, actors.many.account_id
    bare = running.start_bare(stack)
    say("Reading single links …")
    token = await cast.token(url, actors.many)
    single = await reading.measure(load, database, url, token, most, bare)
    say("Reading pages …")
    few = await pages.reader(database, await cast.token(url, actors.few), actors.few.account_id)
    many = await pages.reader(database, token, most)
    operator = await pages.reader(database, await cast.token(url, actors.operator), most)
    return [single, *await pages.measure(load, url, few, many, operator)]


def say(sentence: str) -> None:
    """On stderr, so that stdout holds the result alone."""
    sys.stderr.write(sentence + "\n")


def show(measures: Sequence[Measure], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(report.as_json(measures) + "\n")
    else:
        # Where no terminal says how wide it is, the table is as wide as it needs to be.
        Console(width=None if sys.stdout.isatty() else 200).print(report.table(measures))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of the table")
    as_json, began = parser.parse_args().json, time.monotonic()
    try:
        with servers(say) as running:
            measures = asyncio.run(bench(running))
    except (PlatformError, BenchError) as error:
        say(str(error))
        return 1
    show(measures, as_json)
    say(f"The bench took {time.monotonic() - began:.0f} s.")
    missed = [each.missed for each in measures if not each.holds]
    for sentence in missed:
        say(sentence)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

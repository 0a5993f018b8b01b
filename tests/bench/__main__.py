"""Measures services side by side with what their speed is held against: `python -m tests.bench [SERVICE …]`.

Exits 1 and names the aim if a ratio misses it. Absolute figures are printed and never held to anything.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from rich.console import Console

from deploy.local.errors import PlatformError
from deploy.local.jars import Say
from tests.bench import report
from tests.bench.aims import Measure
from tests.bench.errors import BenchError
from tests.bench.integration.bench import bench as integration
from tests.bench.order_router.bench import bench as order_router
from tests.bench.stage import Servers, servers
from tests.bench.webhook_dispatcher.bench import bench as webhook_dispatcher

BENCHES: Mapping[str, Callable[[Servers, Say, bool], Awaitable[list[Measure]]]] = {
    "integration": integration,
    "order-router": order_router,
    "webhook-dispatcher": webhook_dispatcher,
}


async def measure(services: Sequence[str], long: bool) -> list[Measure]:
    """The measures of these services, one service after the other, each on servers of its own."""
    measures = []
    for service in services:
        with servers(say) as running:
            measures += await BENCHES[service](running, say, long)
    return measures


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
    parser.add_argument(
        "services", nargs="*", metavar="SERVICE", help=f"{' or '.join(BENCHES)}; default: all"
    )
    parser.add_argument("--long", action="store_true", help="with the large sizes")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of the table")
    asked, began = parser.parse_args(), time.monotonic()
    if unknown := set(asked.services) - set(BENCHES):
        parser.error(f"there is no bench of {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    try:
        measures = asyncio.run(measure(asked.services or list(BENCHES), asked.long))
    except (PlatformError, BenchError) as error:
        say(str(error))
        return 1
    show(measures, asked.json)
    say(f"The bench took {time.monotonic() - began:.0f} s.")
    missed = [each.missed for each in measures if not each.holds]
    for sentence in missed:
        say(sentence)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""The `orderdock` command: each sub-command is a function here or in a file of its own."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Coroutine, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from deploy.cli import accounts, dead_letters, deliveries, endpoints, invitations, links, listen, orders
from deploy.cli import operators as listing
from deploy.cli.connection import DEFAULT_FOLDER
from deploy.local import demo as demonstration
from deploy.local import mail as caught
from deploy.local import operators
from deploy.local import publish as publishing
from deploy.local import sample as sample_data
from deploy.local.errors import PlatformError
from deploy.local.folder_lock import folder_lock
from deploy.local.memory import must_be_a_platforms, never_ran, read_ports
from deploy.local.platform import Platform, end_leftovers
from deploy.local.ports import LOOPBACK

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
operators_app = typer.Typer(no_args_is_help=True, help="Those who run the platform.")
operators_app.command("list")(listing.list_all)
app.add_typer(operators_app, name="operators")
app.add_typer(accounts.app, name="accounts")
app.add_typer(links.app, name="links")
app.add_typer(orders.app, name="orders")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(endpoints.app, name="endpoints")
app.add_typer(invitations.app, name="invitations")
app.add_typer(dead_letters.app, name="dead-letters")
app.command()(listen.listen)

DataFolder = Annotated[
    Path, typer.Option("--data", help="Where the platform keeps its data, ports, secrets and logs.")
]


def main() -> None:
    """The entry point: an expected failure is a sentence on stderr and exit code 1."""
    try:
        app()
    except PlatformError as error:
        print(caught.harmless(str(error)), file=sys.stderr)
        raise SystemExit(1) from None


@app.command()
def up(
    data: DataFolder = DEFAULT_FOLDER,
    sample: Annotated[
        bool, typer.Option("--sample", help="Fill an empty platform with sample data.")
    ] = False,
) -> None:
    """Start PostgreSQL, Kafka and the services, and keep them running until Ctrl-C."""
    run_until_signal(_up(data, sample))


@app.command()
def reset(
    data: DataFolder = DEFAULT_FOLDER,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Delete a stopped platform's data."""
    if not data.exists():
        say(f"There is nothing in {data}.")
        return
    must_be_a_platforms(data)
    with folder_lock(data):
        if not yes:
            typer.confirm(f"Delete everything in {data}?", abort=True)
        end_leftovers(data)
        shutil.rmtree(data)
    say(f"Deleted {data}.")


@app.command()
def demo() -> None:
    """Send sample orders through a platform of its own, check every number, and print them."""
    checks = asyncio.run(demonstration.run(say))
    wrong = [check for check in checks if not check.holds]
    for check in wrong:
        say(f"WRONG: {check.what} must be {check.expected} and is {check.found}.")
    if wrong:
        raise SystemExit(1)
    say(f"All {len(checks)} numbers are as they must be.")


@app.command()
def publish(
    files: Annotated[list[Path], typer.Argument(help="Files with order documents or CloudEvents, as JSON.")],
    shop: Annotated[str | None, typer.Option("--shop", help="Whose orders bare documents are: S-….")] = None,
    act: Annotated[
        str, typer.Option("--act", help="What happened: created, updated or cancelled.")
    ] = "created",
    data: DataFolder = DEFAULT_FOLDER,
) -> None:
    """Put order documents of your own on the order topics of a running platform."""
    events = publishing.events(files, shop, act)
    asyncio.run(publishing.publish(running_kafka(data), events))
    say(f"Published {len(events)} events.")


@app.command()
def mail(
    address: Annotated[str, typer.Argument(help="Whose mail: the newest of it is shown in full.")] = "",
    last: Annotated[int, typer.Option("--last", min=1, help="How many mails, the newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
    data: DataFolder = DEFAULT_FOLDER,
) -> None:
    """Show the mail that a platform, running or stopped, has caught."""
    if not read_ports(data):
        raise never_ran(data)
    mails = list(islice(caught.read(data / caught.FOLDER, address), last))
    if as_json:
        say(json.dumps([each.as_json() for each in mails], indent=2))
    elif not mails:
        say(f"No mail{f' to {address}' if address else ''} was caught in {data}.")
    else:
        Console().print(mail_table(mails))
        if address:
            say(caught.harmless(mails[0].as_text()))


@operators_app.command("create")
def create_operator(
    email: str,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    data: DataFolder = DEFAULT_FOLDER,
) -> None:
    """Make an operator of a running platform; its API key is shown once."""
    raise SystemExit(operators.create(data, running_kafka(data), email, as_json=as_json))


def running_kafka(folder: Path) -> str:
    """The broker given by the environment, or that of the platform in the folder."""
    given, port = os.environ.get("KAFKA_BOOTSTRAP_SERVERS"), read_ports(folder).get("kafka")
    if given is None and port is None:
        raise never_ran(folder)
    return given or f"{LOOPBACK}:{port}"


def say(sentence: str) -> None:
    """Tell the person at the terminal, at once also where stdout is a file."""
    print(sentence, flush=True)


def run_until_signal(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`; Ctrl-C and SIGTERM cancel it, and that is a good end."""
    try:
        asyncio.run(_cancelled_by_signal(work))
    except asyncio.CancelledError:
        say("Stopped.")


async def _cancelled_by_signal(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task


async def _up(folder: Path, sample: bool) -> None:
    async with Platform(folder, say=say) as platform:
        if sample:
            say(await sample_data.fill(platform))
        Console().print(places(platform))
        say(f"Logs and data are in {platform.folder}. Ctrl-C stops everything; the data stay.")
        await asyncio.Event().wait()


def places(platform: Platform) -> Table:
    """Where everything is."""
    addresses = {name: service.url for name, service in platform.services.items()}
    addresses |= {"kafka": platform.bootstrap_servers, "postgres": platform.database_url("integration")}
    given = {"kafka": platform.given_kafka, "postgres": platform.given_postgres}
    table = Table(
        Column("name", no_wrap=True), Column("address", overflow="fold"), Column("log", no_wrap=True)
    )
    for name, address in addresses.items():
        log = platform.log(name).relative_to(platform.folder)
        table.add_row(name, address, "not started here" if given.get(name) else str(log))
    if platform.mailbox:
        table.add_row("mail", platform.mailbox.url, f"{caught.FOLDER}/*.eml")
    return table


def mail_table(mails: Sequence[caught.Mail]) -> Table:
    """One line a mail."""
    table = Table(Column("time (UTC)", no_wrap=True), Column("to", overflow="fold"), Column("subject"))
    for each in mails:
        said = (caught.harmless(text) for text in (", ".join(each.to), each.subject))
        table.add_row(f"{each.at:%Y-%m-%d %H:%M:%S}", *map(Text, said))
    return table

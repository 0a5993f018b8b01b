"""`orderdock deliveries resend-since` and `resends`: jobs that send again what happened since a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from deploy.cli import output
from deploy.cli.connection import Connection, at
from deploy.cli.delivery_options import TIMES, GivenDispatcher, Which, connect_dispatcher
from deploy.cli.delivery_progress import progress
from deploy.cli.delivery_times import moment
from deploy.cli.options import Most, grouped
from deploy.local.errors import PlatformError

app = typer.Typer(no_args_is_help=True, help="Jobs of `resend-since`: listed, shown, followed and cancelled.")

LOOK_EVERY = 0.5  # seconds
INTERRUPTED = 130  # what shells make of Ctrl-C

JobId = Annotated[str, typer.Argument(metavar="ID", help="See `orderdock deliveries resends list`.")]


def only(job: dict[str, Any]) -> str:
    """What the job is limited to."""
    order = "" if job["order_id"] is None else f"order {job['shop_id']}/{job['order_id']}"
    shop = "" if order or job["shop_id"] is None else f"shop {job['shop_id']}"
    link = "" if job["link_id"] is None else f"link {job['link_id']}"
    endpoint = "" if job["endpoint_id"] is None else f"endpoint {job['endpoint_id']}"
    seen = "" if job["clients"] is None else f"shops that who asked sees ({', '.join(job['clients'])})"
    return ", ".join(filter(None, (order, shop, link, endpoint, seen)))


COLUMNS: output.Columns = {
    "id": lambda job: job["id"],
    "state": lambda job: f"{job['state']}, {job['share']:.0%}" if job["state"] == "running" else job["state"],
    "resent": lambda job: f"{job['resent']:,}",
    "of events (UTC)": lambda job: f"{output.moment(job['since'])} to {output.moment(job['until'])}",
    "that were": lambda job: ", ".join(job["statuses"]),
    "only of": only,
    "started (UTC)": lambda job: output.moment(job["created_at"]),
}


@grouped
def resend_since(
    since: Annotated[
        str, typer.Argument(metavar="TIME", help=f"Events that happened then or later: {TIMES}.")
    ],
    given: GivenDispatcher,
    which: Which,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Events that happened before; none: until now.")
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(
            metavar="delivered|refused|exhausted|withdrawn",
            help="How they ended; again for another status. None: refused and exhausted.",
        ),
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Start the job and don't follow it.")] = False,
) -> None:
    """Send again all deliveries of events since a time (3PL), in a job that survives any restart.

    Each goes out under its old webhook-id; what still waits goes out anyway.

    Ctrl-C ends the watching, not the job.

    Example: orderdock deliveries resend-since 2d --status exhausted --shop S-7F3K-9QXC
    """
    body = {**which.query(), "since": moment(since, "TIME"), "until": moment(until, "--until")}
    wanted = {**body, "statuses": status or None}
    with connect_dispatcher(given) as dispatcher:
        job = dispatcher.post(
            "/resends", {name: value for name, value in wanted.items() if value is not None}
        )
        typer.echo(_begun(job), err=True)
        if no_wait:
            output.done(given.as_json, job, _ways(job["id"]))
        else:
            _tell_end(given, _followed(dispatcher, job))


@app.command("list")
@grouped
def list_own(given: GivenDispatcher, limit: Most = 50) -> None:
    """List the jobs, the newest first."""
    with connect_dispatcher(given) as dispatcher:
        found = dispatcher.some("/resends", limit)
    output.listed(
        given.as_json,
        found,
        COLUMNS,
        "There are no such jobs: `orderdock deliveries resend-since` starts one.",
    )


@app.command()
@grouped
def show(job_id: JobId, given: GivenDispatcher) -> None:
    """Show a job."""
    with connect_dispatcher(given) as dispatcher:
        job = dispatcher.get(at("resends", job_id))
    output.facts(given.as_json, job, _facts(job))


@app.command()
@grouped
def follow(job_id: JobId, given: GivenDispatcher) -> None:
    """Follow a job until it ends; Ctrl-C ends the watching, not the job."""
    with connect_dispatcher(given) as dispatcher:
        _tell_end(given, _followed(dispatcher, dispatcher.get(at("resends", job_id))))


@app.command()
@grouped
def cancel(job_id: JobId, given: GivenDispatcher) -> None:
    """Cancel a job (3PL): what it has not come to stays as it is, what it put into the queue goes out."""
    with connect_dispatcher(given) as dispatcher:
        job = dispatcher.post(at("resends", job_id, "cancel"))
    output.done(given.as_json, job, _end(job))


def _followed(dispatcher: Connection, job: dict[str, Any]) -> dict[str, Any]:
    """The job once it has ended."""
    with _leaving_it_running(job["id"]), progress() as tell:
        while job["state"] == "running":
            tell(job)
            time.sleep(LOOK_EVERY)
            job = dispatcher.get(at("resends", job["id"]))
    return job


@contextmanager
def _leaving_it_running(job_id: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"The job goes on by itself. {_ways(job_id)}", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except PlatformError as error:
        raise PlatformError(f"{error} The job goes on by itself. {_ways(job_id)}") from error


def _tell_end(given: GivenDispatcher, job: dict[str, Any]) -> None:
    """What came of the job; exit code 1 if it did not come to its end."""
    output.done(given.as_json, job, _end(job))
    if job["state"] == "cancelled":
        raise typer.Exit(1)


def _facts(job: dict[str, Any]) -> dict[str, object]:
    return {
        **{name: of(job) for name, of in COLUMNS.items()},
        "3PL": job["threepl_id"],
        "asked by": job["requested_by"],
        "has come to the events of": job["day"],
        "ended (UTC)": output.moment(job["finished_at"]),
    }


def _begun(job: dict[str, Any]) -> str:
    """What the job does."""
    limits = f", only of {only(job)}" if only(job) else ""
    times = f"since {output.moment(job['since'])} until {output.moment(job['until'])} UTC"
    return f"The job {job['id']} resends what is {' or '.join(job['statuses'])} of events {times}{limits}."


def _ways(job_id: str) -> str:
    resends = "orderdock deliveries resends"
    return f"`{resends} follow {job_id}` follows it, `{resends} cancel {job_id}` ends it."


def _end(job: dict[str, Any]) -> str:
    again = (
        "1 delivery goes out again" if job["resent"] == 1 else f"{job['resent']:,} deliveries go out again"
    )
    if job["state"] == "cancelled":
        return f"The job {job['id']} is cancelled: {again}, the others stay as they are."
    if not job["resent"]:
        return "Done: there were none. An earlier TIME or another --status finds more."
    since = f"`orderdock deliveries list --since {output.moment(job['since']).replace(' ', 'T')}`"
    return f"Done: {again}. {since} shows what comes of them."

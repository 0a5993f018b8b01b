"""`orderdock listen`: a receiver that verifies webhooks, shows what comes and answers as it is told."""

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

import httpx
import typer
from aiohttp import web

from deploy.cli.delivery_options import GivenDispatcher
from deploy.cli.options import grouped
from deploy.cli.received import Received
from deploy.cli.webhook_keys import Keys
from deploy.local.errors import PlatformError
from deploy.local.ports import LOOPBACK
from deploy.local.receiver import headers_of, serve
from deploy.local.verification import verify

UNVERIFIED = 401


@dataclass(frozen=True)
class Given(GivenDispatcher):
    """The options of the command that reads secrets from the API, if any, and prints line by line."""

    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False


@dataclass(frozen=True)
class Place:
    """The options that say where to listen."""

    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0: any that is free.")] = 8080
    host: Annotated[str, typer.Option(help="The address.")] = LOOPBACK


@dataclass(frozen=True)
class Answer:
    """The options that say what verified webhooks are answered."""

    status: Annotated[
        int, typer.Option("--answer", min=200, max=599, help="The status for all that is verified.")
    ] = 200
    retry_after: Annotated[
        int | None,
        typer.Option(min=0, metavar="SECONDS", help="When to try again; Orderdock heeds it on 429 and 503."),
    ] = None

    def response(self) -> web.Response:
        after = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return web.Response(status=self.status, headers=after)


@dataclass
class Listener:
    """Verifies and answers what comes, and tells each."""

    keys: Sequence[str]
    answer: Answer
    as_json: bool
    with_body: bool
    received: int = 0
    times: Counter[str] = field(default_factory=Counter)

    async def on_webhook(self, request: web.Request) -> web.Response:
        body, headers = await request.read(), headers_of(request)
        verdict, webhook_id = verify(self.keys, headers, body), headers.get("webhook-id", "")
        self.received += 1
        if verdict.schemes:
            self.times[webhook_id] += 1
            answer = self.answer.response()
        else:
            answer = web.Response(status=UNVERIFIED, text=f"Not verified: {verdict.reason}.\n")
        times = self.times[webhook_id]
        self._tell(Received(datetime.now(UTC), webhook_id, body, verdict, times, answer.status))
        return answer

    def summary(self) -> str:
        """What came, all in all."""
        verified, different = self.times.total(), len(self.times)
        return (
            f"Webhooks received: {self.received:,}. Verified: {verified:,}, of them repeats: "
            f"{verified - different:,}. Not verified: {self.received - verified:,}."
        )

    def _tell(self, received: Received) -> None:
        print(received.as_json(self.with_body) if self.as_json else received.as_line(), flush=True)
        if self.with_body and not self.as_json:
            print(received.body_shown(), flush=True)


@grouped
def listen(
    given: Given,
    keys: Keys,
    place: Place,
    answer: Answer,
    body: Annotated[bool, typer.Option("--body", help="Show each whole body too.")] = False,
) -> None:
    """Receive webhooks until Ctrl-C: verify, show and answer each; what isn't verified is answered 401.

    Example: orderdock listen --endpoint ep_0c5e5b0b9d7a3e1f --answer 503 --retry-after 30
    """
    asyncio.run(_listen(Listener(keys.all(given), answer, given.as_json, body), place))


async def _listen(listener: Listener, place: Place) -> None:
    try:
        runner = await serve(listener.on_webhook, place.host, place.port)
    except OSError as error:
        raise PlatformError(
            f"Nothing can listen on port {place.port} of {place.host} ({error.strerror or error}). "
            "--port names another."
        ) from error
    stopped = _stopped_by_signal()
    host, port, *_ = runner.addresses[0]
    url = httpx.URL(scheme="http", host=host, port=port, path="/")
    known = f"secrets and public keys known: {len(listener.keys)}"
    typer.echo(f"Listening on {url} ({known}). Ctrl-C ends it.", err=listener.as_json)
    await stopped.wait()
    await runner.cleanup()
    typer.echo(listener.summary(), err=listener.as_json)


def _stopped_by_signal() -> asyncio.Event:
    """What Ctrl-C and SIGTERM set: both are a good end."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped

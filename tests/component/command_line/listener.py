"""`orderdock listen` in a process of its own, and webhooks that are sent to it."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from typer.testing import CliRunner, Result

from deploy.local import cli
from deploy.local.errors import PlatformError
from shared.contracts.deliveries import Webhook, WebhookAssignment
from tests.builders import NOW, assignment
from tests.component.command_line.test_connection import orderdock
from tests.harness import PATIENCE
from webhook_dispatcher import signing

SECRET, NEW_SECRET = signing.secret(b"a" * 24), signing.secret(b"b" * 24)
PRIVATE_KEY = signing.private_key(b"c" * 32)
PUBLIC_KEY = signing.public_key(PRIVATE_KEY)


HELD = assignment("1001")
WEBHOOK = Webhook(
    type="order.created",
    timestamp=NOW,
    sequence=HELD.sequence,
    data=HELD.order,
    assignment=WebhookAssignment(
        **{
            name: getattr(HELD, name) for name in WebhookAssignment.model_fields.keys() - {"client_reference"}
        },
        client_reference="ACME",
    ),
)
BODY = WEBHOOK.model_dump_json().encode()


@dataclass
class Listening:
    """A listener that runs, and who sends it webhooks."""

    process: asyncio.subprocess.Process
    url: str
    client: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    async def send(
        self, *secrets: str, content: bytes = BODY, age: float = 0, **changes: str
    ) -> httpx.Response:
        """A webhook signed with these; `changes` are headers, empty ones left out."""
        signed = signing.headers(secrets, "msg_1", int(time.time() - age), content)
        headers = {**signed, **{name.replace("_", "-"): value for name, value in changes.items()}}
        given = [(name.encode(), value.encode("latin-1")) for name, value in headers.items() if value]
        return await self.client.post(f"{self.url}hook", content=content, headers=given)

    async def line(self) -> str:
        """The next line on stdout."""
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)).decode().rstrip("\n")

    async def lines(self, count: int) -> list[str]:
        return [await self.line() for _ in range(count)]

    async def end(self, by: signal.Signals = signal.SIGINT) -> tuple[int | None, str, str]:
        """Its exit code, and what it still says on stdout and stderr."""
        self.process.send_signal(by)
        out, error = await asyncio.wait_for(self.process.communicate(), PATIENCE)
        return self.process.returncode, out.decode(), error.decode()


async def failing(*arguments: str, **env: str) -> tuple[int, str]:
    """The exit code and what is said on stderr of a listener that does not start."""
    command = ["listen", *arguments]
    result: Result = await asyncio.to_thread(CliRunner().invoke, cli.app, command, None, env)
    assert isinstance(result.exception, PlatformError | SystemExit)
    error = str(result.exception) if isinstance(result.exception, PlatformError) else result.stderr
    return result.exit_code, error


@asynccontextmanager
async def listening(*arguments: str, **env: str) -> AsyncIterator[Listening]:
    """`orderdock listen` on a free port."""
    command, pipe = orderdock("listen", "--port", "0", *arguments), asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdout=pipe, stderr=pipe, env={**os.environ, **env}
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        said = process.stderr if "--json" in arguments else process.stdout
        first = (await asyncio.wait_for(said.readline(), PATIENCE)).decode()
        assert first.startswith("Listening on http://127.0.0.1:"), first
        found = Listening(process, first.split()[2])
        yield found
        await found.client.aclose()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()

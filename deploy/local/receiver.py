"""A 3PL's endpoint: verifies every webhook, and keeps what it took."""

import json
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from deploy.local.ports import LOOPBACK
from deploy.local.verification import verify

END_WAIT = 1.0  # seconds in which a request at hand may end


async def serve(on_webhook: Handler, host: str, port: int) -> web.AppRunner:
    """A running server that hands on every POST, whatever its path; port 0 is any that is free.

    Raises `OSError` where nothing can listen there. It goes with its `cleanup`.
    """
    app = web.Application()
    app.router.add_post("/{path:.*}", on_webhook)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=END_WAIT)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner


def headers_of(request: web.Request) -> dict[str, str]:
    """A request's headers, by their names in lower case."""
    return {name.lower(): value for name, value in request.headers.items()}


@dataclass
class Receiver:
    """Answers 503 to the first `refuse` tries of each webhook, then takes it; `secret` is its endpoint's."""

    name: str
    refuse: int = 0
    secret: str | None = None
    url: str = ""
    accepted: list[dict[str, Any]] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)
    unverified: int = 0

    async def __aenter__(self) -> Self:
        self._runner = await serve(self._on_webhook, LOOPBACK, 0)
        self.url = f"http://{LOOPBACK}:{self._runner.addresses[0][1]}/webhooks"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def repeats(self) -> int:
        """Webhooks that were taken again under the same `webhook-id`."""
        return len(self.accepted) - len({webhook["webhook-id"] for webhook in self.accepted})

    def out_of_order(self) -> list[str]:
        """The orders of which a first arrival came after that of a later event."""
        latest: dict[tuple[str, str], int] = {}
        seen: set[str] = set()
        wrong = []
        for webhook in self.accepted:
            order = (webhook["assignment"]["link_id"], webhook["data"]["id"])
            if webhook["webhook-id"] not in seen and webhook["sequence"] <= latest.get(order, 0):
                wrong.append(webhook["data"]["id"])
            seen.add(webhook["webhook-id"])
            latest[order] = max(latest.get(order, 0), webhook["sequence"])
        return wrong

    async def _on_webhook(self, request: web.Request) -> web.Response:
        body, headers = await request.read(), headers_of(request)
        webhook_id = headers.get("webhook-id", "")
        self.attempts[webhook_id] += 1
        if not verify([self.secret] if self.secret else [], headers, body).schemes:
            self.unverified += 1
            return web.Response(status=401)
        if self.attempts[webhook_id] <= self.refuse:
            return web.Response(status=503)
        self.accepted.append({**json.loads(body), "webhook-id": webhook_id})
        return web.Response(status=204)

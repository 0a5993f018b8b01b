"""A 3PL's endpoint: verifies every webhook as the Standard Webhooks library does, and keeps what it took."""

import json
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from deploy.local.ports import LOOPBACK


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
        app = web.Application()
        app.router.add_post("/webhooks", self._on_webhook)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, 0)
        await site.start()
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
        body, headers = await request.read(), {name.lower(): value for name, value in request.headers.items()}
        webhook_id = headers.get("webhook-id", "")
        self.attempts[webhook_id] += 1
        try:
            Webhook(self.secret or "").verify(body, headers)
        except (WebhookVerificationError, ValueError, RuntimeError):
            self.unverified += 1
            return web.Response(status=401)
        if self.attempts[webhook_id] <= self.refuse:
            return web.Response(status=503)
        self.accepted.append({**json.loads(body), "webhook-id": webhook_id})
        return web.Response(status=204)

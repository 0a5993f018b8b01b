"""Calls that are let in, to be sent otherwise than they should be, and what is then wrong with the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from shared.contracts.links import Side
from tests.component.integration.access import Row
from tests.component.integration.routes import ROWS
from tests.component.integration.scene import Calling, Scene
from tests.component.integration.tenants import SIDES


@dataclass(frozen=True)
class RightCall:
    """A call that is let in, to be sent otherwise than it should be."""

    scene: Scene
    row: Row
    by: Calling
    side: Side

    async def send(self, *, headers: Mapping[str, str] | None = None, **changes: Any) -> httpx.Response:
        """The answer to the call with these changes; what it did stays done."""
        right = self.scene.request(self.row, self.by, self.scene.tenants.has[self.side])
        if "content" in changes:
            del right["json"], right["data"]
        whole = {**right, **changes, "headers": {**right["headers"], **(headers or {})}}
        return await self.scene.world.client.request(**whole)

    async def try_out(self, **changes: Any) -> httpx.Response:
        """The answer, after which all is as before."""
        answer = await self.send(**changes)
        await self.scene.snapshot.restore()
        return answer

    def body(self) -> dict[str, Any]:
        return dict(self.scene.request(self.row, self.by, self.scene.tenants.has[self.side])["json"])

    def __str__(self) -> str:
        return f"{self.row.method} {self.row.path}"


async def let_in(scene: Scene, *methods: str) -> list[RightCall]:
    """For each route with these methods one call by somebody who is let in; that for a token is a form."""
    found: dict[tuple[str, str], RightCall] = {}
    for side in SIDES:
        callers = await scene.callers(side)
        for row in ROWS:
            if row.method in methods and row.form is None and row.of in (None, side):
                for by in callers:
                    if by.expected(row) < 400 and (not row.by or by.column in row.by):
                        found.setdefault(row.route, RightCall(scene, row, by, side))
    return list(found.values())


def faults(answer: httpx.Response, expected: int, what: str) -> list[str]:
    """What is wrong with an answer that should be a problem in words, of this status."""
    in_words = answer.headers["content-type"] == "application/problem+json"
    right = answer.status_code == expected and in_words and answer.json()["status"] == expected
    return [] if right else [f"{what}: {answer.status_code}, not {expected}: {answer.text[:300]}"]

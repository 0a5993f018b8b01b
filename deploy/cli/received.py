"""One webhook as `orderdock listen` tells of it: a line for people, a JSON object for programs."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from textwrap import indent
from typing import Any

from deploy.local.mail import harmless
from deploy.local.verification import Verdict

LONGEST = 80  # characters of a word that somebody else wrote
HOLDERS = {"shop": "the shop", "threepl": "the 3PL"}


@dataclass(frozen=True)
class Received:
    """A webhook that came, and what it was answered; `times`: how often its id has come verified."""

    at: datetime
    webhook_id: str
    body: bytes
    verdict: Verdict
    times: int
    answered: int

    @property
    def verified(self) -> bool:
        return bool(self.verdict.schemes)

    @property
    def repeated(self) -> bool:
        return self.verified and self.times > 1

    @cached_property
    def said(self) -> Any:
        """The body's JSON; None: it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def as_line(self) -> str:
        """What people see of it, in UTC."""
        parts = (f"{self.at:%H:%M:%S}", self._signed(), *self._about(), self._ended())
        return "  ".join(filter(None, parts))

    def as_json(self, with_body: bool) -> str:
        """What programs read of it, in one line."""
        told: dict[str, Any] = {
            "received_at": self.at.isoformat(),
            "webhook_id": self.webhook_id,
            "verified": self.verified,
            "schemes": self.verdict.schemes,
            "reason": self.verdict.reason or None,
            "times": self.times,
            "repeat": self.repeated,
            "answered": self.answered,
            "type": self._part("type"),
            "shop_id": self._part("assignment", "shop_id"),
            "order_id": self._part("data", "id"),
            "sequence": self._part("sequence"),
            "stage": self._part("assignment", "stage"),
            "holder": self._part("assignment", "holder"),
        }
        if with_body:
            told["body"] = self._text() if self.said is None else self.said
        return json.dumps(told)

    def body_shown(self) -> str:
        """The whole body for people, indented so that no line of it passes for one of ours."""
        text = self._text() if self.said is None else json.dumps(self.said, indent=2, ensure_ascii=False)
        return indent(_clean(text), "    ", lambda _: True)

    def _signed(self) -> str:
        if self.verified:
            return f"verified ({', '.join(self.verdict.schemes)})"
        return f"NOT VERIFIED: {self.verdict.reason}"

    def _about(self) -> tuple[str, ...]:
        """What it says; of an unverified one what it claims."""
        order = "/".join(filter(None, (self._word("assignment", "shop_id"), self._word("data", "id"))))
        sequence, stage = self._word("sequence"), self._word("assignment", "stage")
        holder = self._word("assignment", "holder")
        return (
            self._word("type") or "no type",
            order,
            sequence and f"sequence {sequence}",
            stage and f"{stage}, with {HOLDERS.get(holder, holder)}",
            _word(self.webhook_id),
        )

    def _ended(self) -> str:
        again = f"again (time {self.times}), " if self.repeated else ""
        return f"{again}answered {self.answered}"

    def _part(self, *names: str) -> Any:
        part = self.said
        for name in names:
            part = part.get(name) if isinstance(part, dict) else None
        return part

    def _word(self, *names: str) -> str:
        part = self._part(*names)
        return "" if part is None else _word(str(part))

    def _text(self) -> str:
        return self.body.decode("utf-8", "replace")


def _word(text: str) -> str:
    """On one line, and not too long."""
    word = " ".join(_clean(text).split())
    return word if len(word) <= LONGEST else f"{word[:LONGEST]} …"


def _clean(text: str) -> str:
    """What neither steers the terminal nor can't be printed."""
    return harmless(text.encode("utf-8", "replace").decode())

"""A mail: to one address, in plain text and in HTML, and when it is tried again."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

# After each failed attempt; after the last one the mail has failed.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720, 1440))


@dataclass(frozen=True)
class Mail:
    """One mail; its `id` stays its own, so the same fact is told once. After `until` it is of no use."""

    id: str
    recipient: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    until: datetime | None = None

    def content(self) -> bytes:
        """What is kept, encrypted, until it is sent."""
        return json.dumps({"subject": self.subject, "text": self.text, "html": self.html}).encode()

    @classmethod
    def read(cls, mail_id: str, recipient: str, content: bytes) -> Self:
        """The mail with a content that `content` made."""
        return cls(id=mail_id, recipient=recipient, **json.loads(content))


@dataclass(frozen=True)
class WaitingMail:
    """A mail that is being sent, for the `attempts`-th time, its content still encrypted."""

    id: str
    recipient: str
    sealed: bytes = field(repr=False)
    until: datetime | None
    attempts: int

    def wait(self) -> timedelta | None:
        """How long to wait if this attempt fails, None if it was the last."""
        return WAITS[self.attempts - 1] if self.attempts <= len(WAITS) else None

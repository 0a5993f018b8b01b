"""A mail that the platform caught: one .eml file of a folder, written and read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import takewhile
from pathlib import Path
from typing import Any

from deploy.local.memory import replace

FOLDER = "mail"  # of the platform's folder
HEADERS = ("From", "To", "Subject", "Date", "Message-ID")
RECIPIENT = "Delivered-To"
# The arrival's number goes first: names sort by arrival also where the clock was put back.
ID = re.compile(r"([0-9]{8})-([0-9]{8}T[0-9]{6}\.[0-9]{6}Z)")
TIME = "%Y%m%dT%H%M%S.%fZ"
# What steers a terminal, or reorders what it shows (UAX #9); line ends and tabs do neither.
STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Mail:
    """`to` is whom it was delivered to, whatever its header To says; `headers` holds those of `HEADERS`."""

    id: str
    at: datetime
    to: tuple[str, ...]
    headers: Mapping[str, str]
    text: str
    html: str

    @property
    def subject(self) -> str:
        return self.headers.get("Subject", "")

    def as_json(self) -> dict[str, Any]:
        """The mail for programs."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "from": self.headers.get("From", ""),
            "to": list(self.to),
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
        }

    def as_text(self) -> str:
        """The mail for people: its headers and its plain text."""
        lines = [f"{name}: {value}" for name, value in self.headers.items()]
        return "\n".join([*lines, "", self.text or "(This mail has no plain text.)"])


def new_id(number: int, at: datetime) -> str:
    """The id of the mail that arrives now, in UTC, as the one of this number."""
    return f"{number:08}-{at.strftime(TIME)}"


def number_of(mail_id: str) -> int:
    """How many mails had arrived with this one."""
    return int(mail_id.partition("-")[0])


def marked(sender: str, recipients: Sequence[str], content: bytes) -> bytes:
    """A mail's bytes with its envelope in front: Return-Path (RFC 5321, 4.4) ends what isn't its sender's."""
    envelope = [*(f"{RECIPIENT}: {address}\r\n" for address in recipients), f"Return-Path: <{sender}>\r\n"]
    return "".join(envelope).encode() + content


def write(folder: Path, mail_id: str, content: bytes) -> None:
    """Keep the bytes of `marked` under this id, as a whole or not at all, for their owner only."""
    folder.mkdir(mode=0o700, exist_ok=True)
    replace(folder / f"{mail_id}.eml", content, mode=0o600)


def read(folder: Path, to: str = "") -> Iterator[Mail]:
    """The mails of the folder, newest first; where `to` is given, those delivered to that address."""
    for each in ids(folder):
        mail = find(folder, each)
        if mail and (not to or to.casefold() in map(str.casefold, mail.to)):
            yield mail


def ids(folder: Path) -> list[str]:
    """The ids of the folder's mails, newest first."""
    names = (path.stem for path in folder.glob("*.eml"))
    return sorted(filter(ID.fullmatch, names), reverse=True)


def find(folder: Path, mail_id: str) -> Mail | None:
    """The mail of this id, which may be anything that a stranger sends; None if there is no such mail."""
    if not ID.fullmatch(mail_id):
        return None
    try:
        return parsed(mail_id, (folder / f"{mail_id}.eml").read_bytes())
    except FileNotFoundError:
        return None


def parsed(mail_id: str, content: bytes) -> Mail:
    """The mail in the bytes of `marked`; what is malformed makes `email` raise one of many errors."""
    message = message_from_bytes(content, policy=policy.default)
    envelope = takewhile(lambda header: header[0] == RECIPIENT, message.raw_items())
    return Mail(
        id=mail_id,
        at=datetime.strptime(mail_id.partition("-")[2], TIME).replace(tzinfo=UTC),
        to=tuple(address.encode("ascii", "surrogateescape").decode() for _, address in envelope),
        headers={name: _one_line(message[name]) for name in HEADERS if name in message},
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def harmless(text: str) -> str:
    """The text with all that could steer a terminal replaced."""
    return STEERING.sub("\ufffd", text)


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else _encodable(part.get_content().replace("\r\n", "\n"))


def _one_line(value: object) -> str:
    return _encodable(" ".join(str(value).split()))


def _encodable(text: str) -> str:
    """Without lone surrogates, which some encodings smuggle in and none that we write can hold."""
    return text.encode(errors="replace").decode()

"""Messages that can never work: kept as rows with their reason, and announced on the service's topic."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import outbox
from shared.kafka.records import Record

MAX_KEPT_BYTES = 256 * 1024
# The driver takes the last moment there is for infinity, and reads that as a time of no zone.
_LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record with the reason why it can never work."""

    record: Record
    reason: str

    @property
    def kept(self) -> bytes:
        """The message's first 256 KiB."""
        return (self.record.value or b"")[:MAX_KEPT_BYTES]

    @property
    def sha256(self) -> str:
        """The hash of the whole message, in hexadecimal."""
        return hashlib.sha256(self.record.value or b"").hexdigest()


_ADD = text(
    """
    INSERT INTO dead_letters (topic, partition, "offset", key, value, headers, raw_headers, timestamp, size,
                              sha256, reason)
    SELECT topic, partition, "offset", key, value, CAST(headers AS jsonb), CAST(raw_headers AS jsonb),
           timestamp, size, sha256, reason
    FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS integer[]), CAST(:offsets AS bigint[]),
                CAST(:keys AS bytea[]), CAST(:values AS bytea[]), CAST(:headers AS text[]),
                CAST(:raw_headers AS text[]), CAST(:timestamps AS timestamptz[]),
                CAST(:sizes AS bigint[]), CAST(:hashes AS text[]), CAST(:reasons AS text[]))
        AS letter (topic, partition, "offset", key, value, headers, raw_headers, timestamp, size, sha256,
                   reason)
    ON CONFLICT (topic, partition, "offset") DO NOTHING
    """
)


async def add(connection: AsyncConnection, letters: Sequence[DeadLetter], topic: str) -> None:
    """Keeps the letters and announces them on `topic`, as part of the caller's transaction."""
    if not letters:
        return
    records = [letter.record for letter in letters]
    columns = {
        "topics": [record.topic for record in records],
        "partitions": [record.partition for record in records],
        "offsets": [record.offset for record in records],
        "keys": [record.key for record in records],
        "values": [None if letter.record.value is None else letter.kept for letter in letters],
        "headers": [json.dumps(_readable(record.headers)) for record in records],
        "raw_headers": [json.dumps(_raw(record.headers)) for record in records],
        "timestamps": [min(record.timestamp, _LATEST) for record in records],
        "sizes": [len(record.value or b"") for record in records],
        "hashes": [letter.sha256 for letter in letters],
        "reasons": [storable(letter.reason) for letter in letters],
    }
    await connection.execute(_ADD, columns)
    await outbox.add(connection, [announcement(letter, topic) for letter in letters])


def announcement(letter: DeadLetter, topic: str) -> outbox.Message:
    """The letter as a message: key and bytes as received, reason and origin in headers.

    Of each at most 256 KiB, so that the broker takes it.
    """
    record = letter.record
    key = None if record.key is None else record.key[:MAX_KEPT_BYTES]
    headers = {
        "reason": storable(letter.reason),
        "origin-topic": record.topic,
        "origin-partition": str(record.partition),
        "origin-offset": str(record.offset),
        "size": str(len(record.value or b"")),
        "sha256": letter.sha256,
    }
    return outbox.Message(topic, key, letter.kept, headers)


def _raw(headers: dict[str, bytes]) -> list[tuple[str, str]]:
    """Headers as they are stored to be read again byte by byte: names and values in base64."""
    return [(_base64(name.encode()), _base64(value)) for name, value in headers.items()]


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _readable(headers: dict[str, bytes]) -> dict[str, str]:
    return {storable(name): storable(value.decode("utf-8", "replace")) for name, value in headers.items()}


def storable(said: str) -> str:
    """PostgreSQL's text holds no NUL and no lone surrogates."""
    return said.encode("utf-8", "replace").decode().replace("\x00", "\\x00")[:2000]

"""The transactional outbox: what is to be published is first committed with the change that caused it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.cloudevents import CONTENT_TYPE


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish; messages of one key on one topic keep their order."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": CONTENT_TYPE})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message with its place in the outbox."""

    id: int
    message: Message


_ADD = text(
    """
    INSERT INTO outbox (topic, key, value, headers)
    SELECT topic, key, value, CAST(headers AS jsonb)
    FROM unnest(CAST(:topics AS text[]), CAST(:keys AS bytea[]), CAST(:values AS bytea[]),
                CAST(:headers AS text[]))
        WITH ORDINALITY AS message (topic, key, value, headers, place)
    ORDER BY place
    """
)
# A key behind a parked message waits until somebody has dealt with that one.
_WAITING = text(
    """
    SELECT id, topic, key, value, headers FROM outbox
    WHERE parked_reason IS NULL AND NOT EXISTS (
        SELECT FROM outbox AS parked
        WHERE parked.parked_reason IS NOT NULL AND parked.topic = outbox.topic AND parked.key = outbox.key
    )
    ORDER BY id LIMIT :limit
    """
)
_DELETE = text("DELETE FROM outbox WHERE id = ANY(:ids)")
_PARK = text("UPDATE outbox SET parked_reason = :reason WHERE id = :id")
_COUNT = text("SELECT count(*) FILTER (WHERE parked_reason IS NULL), count(parked_reason) FROM outbox")


async def add(connection: AsyncConnection, messages: Sequence[Message]) -> None:
    """Puts messages into the outbox, in their order, as part of the caller's transaction."""
    if not messages:
        return
    columns = {
        "topics": [message.topic for message in messages],
        "keys": [message.key for message in messages],
        "values": [message.value for message in messages],
        "headers": [json.dumps(dict(message.headers)) for message in messages],
    }
    await connection.execute(_ADD, columns)


async def waiting(connection: AsyncConnection, limit: int) -> list[Waiting]:
    """The oldest messages that wait, at most `limit`."""
    rows = await connection.execute(_WAITING, {"limit": limit})
    return [Waiting(row.id, Message(row.topic, row.key, row.value, row.headers)) for row in rows]


async def delete(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Takes out what the broker has acknowledged."""
    await connection.execute(_DELETE, {"ids": list(ids)})


async def park(connection: AsyncConnection, message_id: int, reason: str) -> None:
    """Sets aside a message that the broker will never take; its key waits, others go on."""
    await connection.execute(_PARK, {"id": message_id, "reason": reason})


async def count(connection: AsyncConnection) -> tuple[int, int]:
    """How many messages wait, and how many are parked."""
    row = (await connection.execute(_COUNT)).one()
    return int(row[0]), int(row[1])

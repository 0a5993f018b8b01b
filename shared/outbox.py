"""The transactional outbox: what is to be published is first committed with the change that caused it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.cloudevents import CONTENT_TYPE

_USUAL: Mapping[str, str] = {"content-type": CONTENT_TYPE}


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish; messages of one key on one topic keep their order."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: _USUAL)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message with its place in the outbox."""

    id: int
    message: Message


_ADD = text(
    """
    INSERT INTO outbox (topic, key, value, headers)
    SELECT topic, key, value, CAST(coalesce(headers, :usual_headers) AS jsonb)
    FROM unnest(CAST(:topics AS text[]), CAST(:keys AS bytea[]), CAST(:values AS bytea[]),
                CAST(:headers AS text[]))
        WITH ORDINALITY AS message (topic, key, value, headers, place)
    ORDER BY place
    """
)
# A key behind a parked message waits until somebody has dealt with that one. Mostly none is parked: to ask
# that once for all rows spares to ask for each key.
_PUBLISHABLE = """
    outbox WHERE parked_reason IS NULL AND (
        NOT EXISTS (SELECT FROM outbox AS parked WHERE parked.parked_reason IS NOT NULL)
        OR NOT EXISTS (
            SELECT FROM outbox AS parked
            WHERE parked.parked_reason IS NOT NULL AND parked.topic = outbox.topic AND parked.key = outbox.key
        )
    )
"""
_WAITING = text(
    f"""
    SELECT id, topic, key, value, CAST(headers AS text) AS headers FROM {_PUBLISHABLE}
    ORDER BY id LIMIT :limit
    """
)
_WAITS = text(f"SELECT count(*) >= :number FROM (SELECT FROM {_PUBLISHABLE} LIMIT :number) AS waiting")
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
        "headers": [
            None if message.headers is _USUAL else json.dumps(dict(message.headers)) for message in messages
        ],
        "usual_headers": json.dumps(_USUAL),
    }
    await connection.execute(_ADD, columns)


async def waiting(connection: AsyncConnection, limit: int) -> list[Waiting]:
    """The oldest messages that wait, at most `limit`."""
    rows = await connection.execute(_WAITING, {"limit": limit})
    return [Waiting(row.id, Message(row.topic, row.key, row.value, _headers(row.headers))) for row in rows]


@lru_cache(maxsize=64)
def _headers(written: str) -> Mapping[str, str]:
    headers: dict[str, str] = json.loads(written)
    return headers


async def delete(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Takes out what the broker has acknowledged."""
    await connection.execute(_DELETE, {"ids": list(ids)})


async def park(connection: AsyncConnection, message_id: int, reason: str) -> None:
    """Sets aside a message that the broker will never take; its key waits, others go on."""
    await connection.execute(_PARK, {"id": message_id, "reason": reason})


async def waits(connection: AsyncConnection, number: int) -> bool:
    """Whether at least so many messages wait to be published."""
    return bool((await connection.execute(_WAITS, {"number": number})).scalar_one())


async def count(connection: AsyncConnection) -> tuple[int, int]:
    """How many messages wait, and how many are parked."""
    row = (await connection.execute(_COUNT)).one()
    return int(row[0]), int(row[1])

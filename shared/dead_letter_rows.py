"""Dead letters as rows: listed, found, held while one is put back, and what came of that."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.dead_letters import storable
from shared.kafka.records import Record

State = Literal["waiting", "put_back", "all"]


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter as it is kept; its record's value may be only the first part of what was received.

    `size` (bytes) and `sha256` are of the whole value.
    """

    id: int
    record: Record
    size: int
    sha256: str
    reason: str
    received_at: datetime
    put_back_at: datetime | None

    @property
    def whole(self) -> bool:
        """Whether all of the message was kept."""
        return self.size == len(self.record.value or b"")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters: of a state, and perhaps of a topic and with words that their reason contains."""

    state: State = "waiting"
    topic: str | None = None
    reason: str | None = None

    @property
    def condition(self) -> str:
        """It in SQL, over `values`; the states as the indexes have them."""
        given = [_STATES[self.state]]
        given += ["topic = :topic"] if self.topic is not None else []
        given += ["strpos(lower(reason), lower(:reason)) > 0"] if self.reason is not None else []
        return " AND ".join(given)

    @property
    def values(self) -> dict[str, str]:
        named = {"topic": self.topic, "reason": self.reason}
        return {name: value for name, value in named.items() if value is not None}


_STATES = {"waiting": "put_back_at IS NULL", "put_back": "put_back_at IS NOT NULL", "all": "true"}
_NEWEST = 2**63 - 1  # above every id
_SUMMARY = 'id, topic, partition, "offset", reason, size, sha256, timestamp, received_at, put_back_at'
_WHOLE = f"SELECT {_SUMMARY}, key, value, headers, raw_headers FROM dead_letters WHERE id = :id"
_FIND = text(_WHOLE)
_HOLD = text(f"{_WHOLE} FOR UPDATE")
_PUT_BACK = text("UPDATE dead_letters SET put_back_at = now() WHERE id = :id RETURNING put_back_at")
_REFUSE = text("UPDATE dead_letters SET reason = :reason WHERE id = :id")


async def page(
    connection: AsyncConnection, wanted: Filter, before: int | None, limit: int
) -> Sequence[RowMapping]:
    """Letters without their bytes, the newest first, from below the id `before`."""
    where = f"id < :before AND {wanted.condition}"
    statement = text(f"SELECT {_SUMMARY} FROM dead_letters WHERE {where} ORDER BY id DESC LIMIT :limit")
    values = {**wanted.values, "before": before or _NEWEST, "limit": limit}
    return (await connection.execute(statement, values)).mappings().all()


async def ids(connection: AsyncConnection, wanted: Filter, after: int, limit: int) -> list[int]:
    """The ids above `after` of such letters, the oldest first."""
    statement = text(
        f"SELECT id FROM dead_letters WHERE id > :after AND {wanted.condition} ORDER BY id LIMIT :limit"
    )
    values = {**wanted.values, "after": after, "limit": limit}
    return list((await connection.execute(statement, values)).scalars())


async def find(connection: AsyncConnection, letter_id: int) -> KeptLetter | None:
    """A letter with its bytes, if there is one."""
    return await _one(connection, _FIND, letter_id)


async def hold(connection: AsyncConnection, letter_id: int) -> KeptLetter | None:
    """The same; nobody else holds it until the transaction ends."""
    return await _one(connection, _HOLD, letter_id)


async def put_back(connection: AsyncConnection, letter_id: int) -> datetime:
    """Marks a letter that is held as put back; answers when that was."""
    at: datetime = (await connection.execute(_PUT_BACK, {"id": letter_id})).scalar_one()
    return at


async def refuse(connection: AsyncConnection, letter_id: int, reason: str) -> None:
    """Says why a letter that is held was refused this time."""
    await connection.execute(_REFUSE, {"id": letter_id, "reason": storable(reason)})


async def _one(connection: AsyncConnection, statement: TextClause, letter_id: int) -> KeptLetter | None:
    row = (await connection.execute(statement, {"id": letter_id})).one_or_none()
    if row is None:
        return None
    record = Record(row.topic, row.partition, row.offset, row.key, row.value, _headers(row), row.timestamp)
    return KeptLetter(row.id, record, row.size, row.sha256, row.reason, row.received_at, row.put_back_at)


def _headers(row: Any) -> dict[str, bytes]:
    """As they were received; older code kept only their text."""
    if row.raw_headers is None:
        return {name: value.encode() for name, value in row.headers.items()}
    pairs: Sequence[tuple[str, str]] = row.raw_headers
    return {base64.b64decode(name).decode(): base64.b64decode(value) for name, value in pairs}

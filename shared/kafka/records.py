"""One record of a topic, as a batch hands it to a handler."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """A message with its place; `timestamp` is the broker's record of when it was produced."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    timestamp: datetime

    @property
    def place(self) -> tuple[str, int]:
        """The record's topic and partition."""
        return self.topic, self.partition


def from_aiokafka(message: Any) -> Record:
    """The record in an aiokafka ConsumerRecord; a header given twice keeps its last value."""
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers={name: value or b"" for name, value in message.headers},
        timestamp=_time(message.timestamp),
    )


def _time(milliseconds: int | None) -> datetime:
    """A record's time; what a producer gave in another unit is taken for the last moment there is."""
    try:
        return datetime.fromtimestamp(max(milliseconds or 0, 0) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC)


def next_offsets(records: Iterable[Record]) -> dict[tuple[str, int], int]:
    """For each (topic, partition) of the records, the offset after its last one."""
    following: dict[tuple[str, int], int] = {}
    for record in records:
        following[record.place] = max(following.get(record.place, 0), record.offset + 1)
    return following

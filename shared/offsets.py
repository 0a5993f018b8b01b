"""Where each consumer stands: rows in the service's database, moved only forward (DESIGN 4.10)."""

from collections.abc import Iterable, Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

Place = tuple[str, int]  # topic, partition

_LOCK = text(
    """
    INSERT INTO consumer_offsets (topic, partition, next_offset)
    SELECT topic, partition, 0 FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS integer[]))
        AS place (topic, partition) ORDER BY topic, partition
    ON CONFLICT (topic, partition) DO UPDATE SET next_offset = consumer_offsets.next_offset
    RETURNING topic, partition, next_offset
    """
)
_HOLD = text("SELECT FROM consumer_offsets WHERE topic = :topic AND partition = :partition FOR UPDATE")
_ADVANCE = text(
    """
    UPDATE consumer_offsets SET next_offset = place.next_offset
    FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS integer[]), CAST(:offsets AS bigint[]))
        AS place (topic, partition, next_offset)
    WHERE consumer_offsets.topic = place.topic AND consumer_offsets.partition = place.partition
      AND consumer_offsets.next_offset < place.next_offset
    """
)
_READ = text(
    """
    SELECT topic, partition, next_offset FROM consumer_offsets
    JOIN unnest(CAST(:topics AS text[]), CAST(:partitions AS integer[])) AS place (topic, partition)
    USING (topic, partition)
    """
)


async def lock(connection: AsyncConnection, places: Iterable[Place]) -> dict[Place, int]:
    """The next offset of each place, held until the transaction ends; a place never seen stands at 0."""
    rows = await connection.execute(_LOCK, _columns(sorted(places)))
    return {(row.topic, row.partition): row.next_offset for row in rows}


async def hold(connection: AsyncConnection, place: Place) -> None:
    """Keeps the place's consumer from the next batch until the transaction ends."""
    topic, partition = place
    await connection.execute(_HOLD, {"topic": topic, "partition": partition})


async def advance(connection: AsyncConnection, following: Mapping[Place, int]) -> None:
    """Moves each place forward to its next offset, never back."""
    places = sorted(following)
    await connection.execute(
        _ADVANCE, {**_columns(places), "offsets": [following[place] for place in places]}
    )


async def read(connection: AsyncConnection, places: Iterable[Place]) -> dict[Place, int]:
    """The next offset of each place that has a row."""
    rows = await connection.execute(_READ, _columns(list(places)))
    return {(row.topic, row.partition): row.next_offset for row in rows}


def _columns(places: list[Place]) -> dict[str, list[str] | list[int]]:
    return {"topics": [topic for topic, _ in places], "partitions": [partition for _, partition in places]}

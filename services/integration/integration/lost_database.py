"""Refuses to start beside a `links` topic that tells of links this database has never seen (DESIGN 2.9)."""

from aiokafka import AIOKafkaConsumer

from integration.store import links
from shared.database import Database
from shared.errors import SettingsWrong

_LOST = (
    "DATABASE_URL: this database holds no links, but the topic {topic} tells of some. "
    "It is another database than the one that announced them, or that one was lost: give its URL, "
    "or restore it from a backup. To give up all links, delete the topic and make it anew, "
    "and empty the databases of the services that read it."
)


async def refuse_lost_database(database: Database, bootstrap_servers: str, topic: str) -> None:
    """Raises `SettingsWrong` if the database has no links, but some were announced.

    Versions and epochs would begin again below those that the readers know, and none of them would
    take the new ones.
    """
    # The topic first: what it tells of was committed before, also by another process that runs already.
    if not await _was_written(bootstrap_servers, topic):
        return
    async with database.transaction() as connection:
        if await links.is_empty(connection):
            raise SettingsWrong(_LOST.format(topic=topic))


async def _was_written(bootstrap_servers: str, topic: str) -> bool:
    """Whether the topic ever held a record: its end tells, whatever compaction took."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap_servers)
    try:
        await consumer.start()
        ends = await consumer.end_offsets(consumer.assignment())
        return any(ends.values())
    finally:
        await consumer.stop()

"""A record that aiokafka can't read: a dead letter, and nothing beside it is lost."""

import os
import subprocess
import sys

from shared.database import Database
from shared.kafka.consumer import BatchConsumer
from shared.kafka.subscription import Subscription, kafka_broker
from tests.component.shared.handling import Handler, batches, dead, handled
from tests.harness import publish, until
from tests.servers import Servers

# aiokafka's compiled builder takes no name that isn't UTF-8; the one in Python takes what `encode` says.
SEND = """
import asyncio, sys
from aiokafka import AIOKafkaProducer

class Name(str):
    def encode(self, *_):
        return b"\\xff\\xfe"

async def main(servers, topic):
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait(topic, b"unread", key=b"7", headers=[(Name("x"), b"1")])

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_header_whose_name_is_not_utf8_makes_a_dead_letter_and_loses_nothing(
    servers: Servers, prefix: str, database: Database
) -> None:
    topic = prefix + "orders.created"
    for first in (0, 60):
        values = [b"%d" % number for number in range(first, first + 60)]
        await publish(servers.bootstrap_servers, *((topic, value, value) for value in values))
        command = [sys.executable, "-c", SEND, servers.bootstrap_servers, topic]
        subprocess.run(command, env={**os.environ, "AIOKAFKA_NO_EXTENSIONS": "1"}, check=True)  # noqa: ASYNC221
    await publish(servers.bootstrap_servers, *((topic, b"%d" % n, b"%d" % n) for n in range(120, 180)))
    broker = kafka_broker(servers.bootstrap_servers, "test", 5)
    subscription = Subscription(prefix + "group", topics=(topic,))
    BatchConsumer(broker, database, subscription, batches(database, Handler()))
    await broker.start()

    async def all_there() -> bool:
        return len(await handled(database)) >= 180 and len(await dead(database)) >= 2

    await until("all others are handled", all_there)
    await broker.stop()
    assert sorted(await handled(database), key=int) == [str(number) for number in range(180)]
    assert all("a header's name is not UTF-8" in reason for reason in await dead(database))

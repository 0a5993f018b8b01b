"""A consumer's membership of its group under a name, which its next process takes over at once (KIP-345).

aiokafka joins under the name and no more: it knows neither a successor nor the leader of the group by it.
"""

import asyncio
import signal
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.protocol.admin import DescribeGroupsRequest

log = structlog.get_logger()

UUID_CHARACTERS = 36  # what follows the name and a dash in the id that the broker gives a member


class Membership:
    """One consumer's; without a name a process that is killed keeps its partitions until its session ends."""

    def __init__(self, group: str, name: str | None) -> None:
        self._group = group
        self._name = name
        self._id = ""

    async def leave_to_successor(self, consumer: AIOKafkaConsumer) -> None:
        """Ends the process if another one has joined under its name since it did.

        Joining again it would take the partitions back, and lose them again, and so on in turn.
        """
        coordinator: Any = consumer._coordinator
        if self._id and await self._is_taken(coordinator):
            log.error("consumer.replaced", group=self._group, instance=self._name)
            signal.raise_signal(signal.SIGTERM)
            raise asyncio.CancelledError  # nothing else keeps aiokafka from joining

    def joined(self, consumer: AIOKafkaConsumer) -> None:
        """Has a consumer that joined watch its topics for new partitions, as the leader of their group does.

        To a leader that comes back the broker doesn't say that it is the leader (KAFKA-13435). Its first look
        finds a change, so that partitions made while nobody looked are noticed too.
        """
        if self._name is None:
            return
        coordinator: Any = consumer._coordinator
        if coordinator._group_subscription is None:
            coordinator._group_subscription = consumer.subscription()
        self._id = coordinator.member_id

    async def _is_taken(self, coordinator: Any) -> bool:
        """Whether there is a member of this name that is not this one, as it was or as it is."""
        answer = await coordinator._send_req(DescribeGroupsRequest([self._group]))
        members = {member[0] for group in answer.groups for member in group[5]}
        named = {each for each in members if each[: -UUID_CHARACTERS - 1] == self._name}
        return bool(named - {self._id, coordinator.member_id})

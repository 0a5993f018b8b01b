"""What FastStream does for a consumer: polls batches of raw records, and keeps the task alive that does."""

import dataclasses
import logging
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRebalanceListener
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.message import StreamMessage

from shared.kafka.records import Record, from_aiokafka
from shared.kafka.topics import MAX_MESSAGE_BYTES

BATCH = 500


@dataclass(frozen=True)
class Subscription:
    """What a consumer reads: topics by name or by one pattern, in one group, as `instance` of it if named."""

    group: str
    topics: tuple[str, ...] = ()
    pattern: str | None = None
    instance: str | None = None


def kafka_broker(
    bootstrap_servers: str, client_id: str, drain_timeout: float, metadata_max_age: float = 30
) -> KafkaBroker:
    """FastStream's broker for a service's consumers; it makes no topics and validates nothing itself.

    New topics and partitions are noticed within `metadata_max_age` seconds.
    """
    return KafkaBroker(
        bootstrap_servers.split(","),
        client_id=client_id,
        graceful_timeout=drain_timeout,
        metadata_max_age_ms=int(metadata_max_age * 1000),
        allow_auto_create_topics=False,
        apply_types=False,
        logger=logging.getLogger("shared.kafka"),
    )


def subscribe(broker: KafkaBroker, subscription: Subscription, listener: ConsumerRebalanceListener) -> Any:
    """FastStream's subscriber; the handler it is given gets each batch as a list of records."""
    return broker.subscriber(
        *subscription.topics,
        pattern=_literal(subscription.pattern) if subscription.pattern else None,
        group_id=subscription.group,
        group_instance_id=subscription.instance,
        batch=True,
        max_records=BATCH,
        batch_timeout_ms=100,
        fetch_max_wait_ms=1000,
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        listener=listener,
        parser=_parse,
        decoder=_decode,
        no_reply=True,
    )


def _literal(pattern: str) -> str:
    """The pattern as FastStream must be given it, to which `{4}` is a parameter and `{{4}}` is not."""
    return pattern.replace("{", "{{").replace("}", "}}")


async def _parse(raw: tuple[Any, ...], original: Any) -> Any:
    """FastStream's message of a batch, named by its first and last record, which is all that counts of it.

    Its parser sees no headers: one not in UTF-8 would lose the batch.
    """
    ends = (raw[0], raw[-1])
    message = await original(tuple(dataclasses.replace(record, headers=()) for record in ends))
    message.raw_message = raw
    return message


async def _decode(message: StreamMessage[Any]) -> list[Record]:
    return [from_aiokafka(record) for record in message.raw_message]

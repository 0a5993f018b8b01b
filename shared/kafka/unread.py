"""Which record made aiokafka fail while it read what it had fetched: it doesn't say."""

import inspect

from aiokafka import AIOKafkaConsumer, TopicPartition


def unread(consumer: AIOKafkaConsumer) -> list[tuple[TopicPartition, int]]:
    """Where aiokafka stopped in the midst of what it had fetched."""
    fetched = [
        (tp, getattr(each, "_partition_records", None)) for tp, each in consumer._fetcher._records.items()
    ]
    return [
        (tp, records.next_fetch_offset)
        for tp, records in fetched
        if records is not None and inspect.getgeneratorstate(records._records_iterator) == inspect.GEN_CLOSED
    ]

"""A hundred thousand messages that are wrong in every way, among good ones: each gets its due."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaProducer

from order_router.handlers import Arrival, read_arrival
from order_router.store.orders import Key
from shared.contracts.orders import MAX_ORDER_BYTES
from shared.errors import UnreadableMessage
from shared.kafka.records import Record
from tests.builders import SHOP, link_message
from tests.component.order_router.fuzzed import TOPICS, Sent, messages
from tests.component.order_router.processes import processes
from tests.component.order_router.progress import progress
from tests.component.order_router.router import Router
from tests.harness import read_topic

WRONG, RIGHT = 100_000, 10_000
SEED = 20261123
Spot = tuple[str, int, int]  # topic, partition, offset


class Letter(NamedTuple):
    """What is kept of a dead letter, beside its message."""

    reason: str
    size: int
    sha256: str


@pytest.mark.timeout(600)
async def test_each_bad_message_is_a_dead_letter_with_its_reason_and_each_good_one_is_assigned(
    router: Router, tmp_path: Path
) -> None:
    servers, topics = router.servers.bootstrap_servers, [router.prefix + topic for topic in TOPICS]
    await router.publish(("links", "link-1", link_message()))
    sent = await published(router, messages(random.Random(SEED), WRONG, RIGHT))
    async with processes(router, tmp_path, 1), progress(router.database_url, servers, *topics) as told:
        await told.idle(patience=300)
        letters, holders = await dead_letters(router), await stored_orders(router)
    records = [record for topic in topics for record in await read_topic(servers, topic)]
    assert (len(sent), {spot(record) for record in records}) == (WRONG + RIGHT, set(sent))
    reasons, arrivals = read(records)
    assert set(reasons) == set(letters)
    assert all(letter.reason and reasons[at].startswith(letter.reason) for at, letter in letters.items())
    check_dues(sent, reasons, arrivals)
    check_kept(records, letters, await read_topic(servers, router.prefix + "order-router.dead-letter"))
    check_orders(sent, arrivals, holders, await router.assignments())


async def published(router: Router, fuzzed: Iterable[Sent]) -> dict[Spot, Sent]:
    """Publishes the messages; where each of them lies."""
    producer = AIOKafkaProducer(bootstrap_servers=router.servers.bootstrap_servers, linger_ms=5)
    await producer.start()
    try:
        sent = [
            (
                each,
                await producer.send(
                    router.prefix + each.topic,
                    each.fuzzed.value,
                    key=each.key,
                    headers=list(each.fuzzed.headers),
                ),
            )
            for each in fuzzed
        ]
        places = await asyncio.gather(*(future for _, future in sent))
    finally:
        await producer.stop()
    return {
        (place.topic, place.partition, place.offset): each
        for (each, _), place in zip(sent, places, strict=True)
    }


def spot(record: Record) -> Spot:
    return record.topic, record.partition, record.offset


def row_spot(row: Mapping[str, Any]) -> Spot:
    return row["topic"], row["partition"], row["offset"]


async def dead_letters(router: Router) -> dict[Spot, Letter]:
    """The rows of the dead letters, by where their messages lie."""
    rows = await router.rows('SELECT topic, partition, "offset", reason, size, sha256 FROM dead_letters')
    return {row_spot(row): Letter(row["reason"], row["size"], row["sha256"]) for row in rows}


async def stored_orders(router: Router) -> dict[Key, tuple[Spot, str | None]]:
    """Each order with the place of its version, and the link that holds it."""
    rows = await router.rows('SELECT shop_id, order_id, topic, partition, "offset", link_id FROM orders')
    return {(row["shop_id"], row["order_id"]): (row_spot(row), row["link_id"]) for row in rows}


def read(records: Iterable[Record]) -> tuple[dict[Spot, str], dict[Spot, Arrival]]:
    """Why each unreadable record is that, and what each order event says."""
    reasons: dict[Spot, str] = {}
    arrivals: dict[Spot, Arrival] = {}
    for record in records:
        try:
            if (arrival := read_arrival(record)) is not None:
                arrivals[spot(record)] = arrival
        except UnreadableMessage as error:
            reasons[spot(record)] = str(error)
    return reasons, arrivals


def check_dues(sent: dict[Spot, Sent], reasons: Mapping[Spot, str], arrivals: Mapping[Spot, Arrival]) -> None:
    """What was due to a message, by how it was made, is what became of it; there are the reason's words."""
    fates = {at: "dead" if at in reasons else "assigned" if at in arrivals else "ignored" for at in sent}
    wrong = [
        (each, fates[at], reasons.get(at))
        for at, each in sent.items()
        if each.fuzzed.due not in ("open", fates[at]) or each.fuzzed.reason not in reasons.get(at, "")
    ]
    assert wrong[:5] == []
    assert Counter(fates.values()).keys() == {"dead", "assigned", "ignored"}
    assert len(reasons) + len(arrivals) == len(sent) - Counter(fates.values())["ignored"]


def check_kept(
    records: Iterable[Record], letters: Mapping[Spot, Letter], announced: Sequence[Record]
) -> None:
    """Of each dead letter its message is kept, and it is announced once, with the same reason."""
    values = {spot(record): record.value or b"" for record in records}
    assert {at: (letter.size, letter.sha256) for at, letter in letters.items()} == {
        at: (len(values[at]), hashlib.sha256(values[at]).hexdigest()) for at in letters
    }
    origins = [origin(record) for record in announced]
    assert len(origins) == len(letters)
    assert set(origins) == set(letters)
    for at, record in zip(origins, announced, strict=True):
        assert record.headers["reason"].decode() == letters[at].reason
        assert (record.value or b"") == values[at][:MAX_ORDER_BYTES]


def origin(announced: Record) -> Spot:
    """Where the message of a dead letter lies."""
    headers = {name: value.decode() for name, value in announced.headers.items()}
    return headers["origin-topic"], int(headers["origin-partition"]), int(headers["origin-offset"])


def check_orders(
    sent: Mapping[Spot, Sent],
    arrivals: Mapping[Spot, Arrival],
    holders: Mapping[Key, tuple[Spot, str | None]],
    said: Iterable[Mapping[str, object]],
) -> None:
    """Each order event that could be read made its order, and each order that is held was assigned once."""
    newest: dict[Key, Spot] = {}
    for at, arrival in sorted(arrivals.items(), key=lambda each: each[1].version):
        newest[arrival.key] = at
    assert {key: at for key, (at, _) in holders.items()} == newest
    assigned = Counter((each["shop_id"], each["order_id"]) for each in said if each["type"] == "assigned")
    assert set(assigned.values()) == {1}
    assert set(assigned) == {key for key, (_, link_id) in holders.items() if link_id}
    due = {(SHOP, each.order_id) for each in sent.values() if each.fuzzed.due == "assigned"}
    assert due <= set(assigned)

"""Puts order documents of a user's own on the order topics, as an order system would."""

import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from deploy.local.errors import PlatformError
from shared.contracts import assignments
from shared.contracts.orders import SOURCE_PREFIX
from shared.kafka.topics import MAX_MESSAGE_BYTES, ORDERS_CANCELLED, ORDERS_CREATED, ORDERS_UPDATED

TOPICS = {"created": ORDERS_CREATED, "updated": ORDERS_UPDATED, "cancelled": ORDERS_CANCELLED}

Event = dict[str, Any]


def events(files: Sequence[Path], shop_id: str | None, act: str) -> list[Event]:
    """The CloudEvents in the files; a bare order document becomes one of the shop's.

    A file holds one JSON document, a JSON list of them, or one a line. Raises `PlatformError`.
    """
    return [_event(document, file, shop_id, act) for file in files for document in _documents(file)]


async def publish(bootstrap_servers: str, published: Sequence[Event], prefix: str = "") -> None:
    """Publishes the events on the topics of their types, under their orders' keys."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers, acks="all", max_request_size=MAX_MESSAGE_BYTES
    )
    await producer.start()
    try:
        for event in published:
            await producer.send(prefix + topic_of(event), json.dumps(event).encode(), key=key_of(event))
        await producer.flush()
    finally:
        await producer.stop()


def topic_of(event: Event) -> str:
    """The order topic for an event, by what its type ends with (Shopify's says `create`)."""
    act = str(event["type"]).rpartition(".")[2]
    return TOPICS.get(act, ORDERS_CREATED if act == "create" else ORDERS_UPDATED)


def key_of(event: Event) -> bytes:
    """The Kafka key of an order event: shop id + order id."""
    shop_id = str(event["source"]).removeprefix(SOURCE_PREFIX)
    return assignments.key(shop_id, str(event["data"]["id"])).encode()


def _documents(file: Path) -> Iterator[Any]:
    try:
        content = file.read_text()
        try:
            whole = json.loads(content)
        except ValueError:
            whole = [json.loads(line) for line in content.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise PlatformError(f"{file} holds no JSON documents: {error}") from error
    yield from whole if isinstance(whole, list) else [whole]


def _event(document: Any, file: Path, shop_id: str | None, act: str) -> Event:
    if not isinstance(document, dict) or "id" not in document.get("data", document):
        raise PlatformError(f"{file}: an order document is a JSON object with an id")
    if "specversion" in document:
        return document
    if shop_id is None:
        raise PlatformError(f"{file} holds a bare order document: say whose it is with --shop S-….")
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": SOURCE_PREFIX + shop_id,
        "type": _type_of(document, act),
        "time": datetime.now(UTC).isoformat(),
        "data": document,
    }


def _type_of(document: Event, act: str) -> str:
    """Which source's document this is, by the fields only that one has."""
    if "line_items" not in document:
        return f"com.orderdock.order.{act}"
    if "financial_status" in document:
        return f"com.shopify.orders.{act}"
    return f"com.woocommerce.order.{act}"

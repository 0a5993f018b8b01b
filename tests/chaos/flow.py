"""Assignment events that flow at a steady rate, and the webhooks that come of them, each with its time."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiokafka import AIOKafkaProducer

from deploy.local.ports import LOOPBACK
from deploy.local.receiver import headers_of, serve
from shared.contracts.assignments import ASSIGNED, UPDATED
from tests.builders import assignment, assignment_message
from tests.component.webhook_dispatcher.arrivals import Event, event
from tests.component.webhook_dispatcher.conftest import Received

EVENTS = 3  # of each order
AT_ONCE = 100  # orders that are under way at a time: one's events are so many events apart
ENDPOINTS = 20


def events() -> Iterator[Event]:
    """Order after order, each with its events in turn among those of the others."""
    first = 0
    while True:
        for sequence in range(1, EVENTS + 1):
            for order in range(first, first + AT_ONCE):
                yield str(order), sequence
        first += AT_ONCE


@dataclass
class Flow:
    """Publishes events of orders with an endpoint of twenty each, and takes all webhooks that come."""

    bootstrap_servers: str
    topic: str
    url: str = ""
    published: list[Event] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    _waiting: dict[Event, float] = field(default_factory=dict)
    _events: Iterator[Event] = field(default_factory=events)

    async def publish(self, rate: int, seconds: float, enough: Callable[[], bool] = lambda: True) -> None:
        """Publishes so many events a second, for so many seconds at least, until it is enough."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap_servers, acks="all")
        await producer.start()
        try:
            began = time.monotonic()
            for number in itertools.count():
                if number >= rate * seconds and enough():
                    break
                await asyncio.sleep(began + number / rate - time.monotonic())
                await self._publish(producer, next(self._events))
        finally:
            await producer.stop()

    @property
    def behind(self) -> float:
        """For how many seconds the oldest event has waited that did not arrive yet."""
        now = time.monotonic()
        return now - next(iter(self._waiting.values()), now)

    async def on_webhook(self, request: web.Request) -> web.Response:
        came = Received(request.path, headers_of(request), await request.read())
        self.received.append(came)
        self._waiting.pop(event(came), None)
        return web.Response(status=204)

    async def _publish(self, producer: AIOKafkaProducer, each: Event) -> None:
        order_id, sequence = each
        url = f"{self.url}/{int(order_id) % ENDPOINTS}"
        held = assignment(order_id, sequence, settings={"webhook_url": url})
        value = assignment_message(held, ASSIGNED if sequence == 1 else UPDATED)
        self.published.append(each)
        self._waiting[each] = time.monotonic()
        await producer.send(self.topic, value, key=order_id.encode())


@asynccontextmanager
async def flowing(bootstrap_servers: str, topic: str) -> AsyncIterator[Flow]:
    """A flow whose receiver listens."""
    flow = Flow(bootstrap_servers, topic)
    runner = await serve(flow.on_webhook, LOOPBACK, 0)
    flow.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    yield flow
    await runner.cleanup()

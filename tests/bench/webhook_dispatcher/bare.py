"""The bare loop that the webhook-dispatcher is held against: it signs and posts, and no more.

`python -m tests.bench.webhook_dispatcher.bare`, in a process of its own, on the service's uvloop and through
its transport: no queue, no log, no deadline.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import httpx

from tests.bench.webhook_dispatcher.dispatcher import NETWORKS
from tests.bench.webhook_dispatcher.events import ORDER
from tests.bench.worker import answer
from webhook_dispatcher.exchange import webhook_request
from webhook_dispatcher.transport import guarded_transport

SENDERS = 100


async def send(job: Any) -> float:
    """Posts so many webhooks to endpoints in turns; answers the CPU seconds that it took."""
    began, transport = time.process_time(), guarded_transport([ip_network(NETWORKS)])
    numbers = iter(range(job["count"]))
    await asyncio.gather(*(_post(transport, job, numbers) for _ in range(SENDERS)))
    await transport.aclose()
    return time.process_time() - began


async def _post(transport: httpx.AsyncBaseTransport, job: Any, numbers: Iterator[int]) -> None:
    """Takes the numbers that no other sender took."""
    for number in numbers:
        url, secret = job["targets"][number % len(job["targets"])]
        body = job["body"].replace(ORDER, f"bare-{number}").encode()
        request = webhook_request(url, f"msg_{number:032}", body, secret, datetime.now(UTC))
        async with aclosing(await transport.handle_async_request(request)) as response:
            await response.aread()


if __name__ == "__main__":
    answer(send)

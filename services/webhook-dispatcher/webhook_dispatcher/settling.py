"""Results recorded: deliveries with their attempts, endpoints that are gone, what is announced of both."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import structlog

from shared import outbox
from shared.database import Database
from shared.outbox import Message
from shared.telemetry import Metrics
from webhook_dispatcher import announcements
from webhook_dispatcher.claims import Attempt, Settled, Settlement
from webhook_dispatcher.endpoints import Endpoint, at_endpoint, concerned, newly_gone
from webhook_dispatcher.store import deliveries as delivery_store
from webhook_dispatcher.store import endpoints as endpoint_store
from webhook_dispatcher.store import queue

log = structlog.get_logger()

GONE = "it answered 410"


class Settler:
    """Records what became of claims, and announces on `topic` what their 3PLs must know."""

    def __init__(self, database: Database, topic: str, metrics: Metrics) -> None:
        self._database = database
        self._topic = topic
        self._attempts = metrics.counter("delivery_attempts", "Webhooks sent, by what came of it", "outcome")

    async def settle(self, group: Sequence[Settlement]) -> bool:
        """One transaction for the whole group; answers whether later deliveries of its orders may go now."""
        async with self._database.transaction() as connection:
            endpoints = await endpoint_store.claim(connection, concerned(group))
            gone = newly_gone(group, endpoints)
            final = [at_endpoint(each, endpoints, gone) for each in group]
            await endpoint_store.disable(connection, gone, GONE)
            settled = await queue.settle(connection, final)
            freed = await delivery_store.advance(connection, delivery_store.ended_orders(settled.values()))
            await outbox.add(connection, self._messages(final, settled, gone.values(), datetime.now(UTC)))
        for each in final:
            self._report(each, settled.get(each.claim.id))
        return freed

    def _messages(
        self,
        final: Sequence[Settlement],
        settled: Mapping[int, Settled],
        gone: Iterable[Endpoint],
        now: datetime,
    ) -> list[Message]:
        disabled = [announcements.endpoint_disabled(self._topic, each, GONE, now) for each in gone]
        ended = [
            announcements.delivery_ended(self._topic, each.claim, row, each.attempt.answer, now)
            for each in final
            if each.attempt and (row := settled.get(each.claim.id)) and row.status in announcements.ENDED
        ]
        return disabled + ended

    def _report(self, settlement: Settlement, settled: Settled | None) -> None:
        """One wide line an attempt."""
        if settlement.attempt is None:
            return
        self._attempts.labels(settlement.verdict.outcome).inc()
        log.info(
            "delivery.attempted" if settled else "delivery.lease-lost",
            **_said(settlement, settlement.attempt),
            attempt=settled.attempts if settled else None,
            delivery_status=settled.status if settled else None,
        )


def _said(settlement: Settlement, attempt: Attempt) -> dict[str, object]:
    claim = settlement.claim
    return {
        "webhook_id": claim.webhook_id,
        "endpoint_id": claim.endpoint_id,
        "link_id": claim.link_id,
        "threepl_id": claim.threepl_id,
        "shop_id": claim.shop_id,
        "order_id": claim.order_id,
        "sequence": claim.sequence,
        "type": claim.type,
        "outcome": settlement.verdict.outcome,
        "status": attempt.answer.status,
        "error": attempt.answer.error,
        "duration_ms": attempt.duration_ms,
    }

"""Results recorded: deliveries with their attempts, their endpoints, and what is announced of both."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from shared import outbox
from shared.database import Database
from shared.outbox import Message
from shared.telemetry import Metrics
from webhook_dispatcher import announcements
from webhook_dispatcher.claims import Settled, Settlement
from webhook_dispatcher.endpoints import Endpoint, after, concerned
from webhook_dispatcher.store import deliveries as delivery_store
from webhook_dispatcher.store import endpoints as endpoint_store
from webhook_dispatcher.store import queue
from webhook_dispatcher.store.wakes import wake

log = structlog.get_logger()


class Settler:
    """Records what became of claims, and announces on `topic` what their 3PLs must know.

    An endpoint that fails for as long as `patience` is disabled, and its 3PL is warned at half of that.
    """

    def __init__(self, database: Database, topic: str, patience: timedelta, metrics: Metrics) -> None:
        self._database = database
        self._topic = topic
        self._patience = patience
        self._attempts = metrics.counter("delivery_attempts", "Webhooks sent, by what came of it", "outcome")

    async def settle(self, group: Sequence[Settlement]) -> list[Settlement]:
        """Records those of a group that nothing else depends on, by one statement; answers the others."""
        changing = concerned(group, datetime.now(UTC), self._patience)
        plain = [each for each in group if not _told_of(each, changing)]
        if not plain:
            return list(group)
        async with self._database.statement() as connection:
            settled = await queue.settle(connection, plain, whole=False)
        self._report([each for each in plain if each.claim.id in settled], settled)
        return [each for each in group if each.claim.id not in settled]

    async def settle_whole(self, group: Sequence[Settlement]) -> bool:
        """Records a group with all that depends on it; answers whether anything was announced."""
        now = datetime.now(UTC)
        changing = concerned(group, now, self._patience)
        async with self._database.transaction() as connection:
            before = await endpoint_store.claim(connection, changing)
            changed = self._changed(before, group, now)
            await endpoint_store.save(connection, list(changed.values()))
            settled = await queue.settle(connection, group, whole=True)
            ended = {(row.link_id, row.shop_id, row.order_id) for row in settled.values() if row.followed}
            await delivery_store.advance(connection, ended)
            await wake(
                connection, {row.endpoint_id for row in settled.values() if row.endpoint_id is not None}
            )
            messages = self._messages(group, settled, before, changed, now)
            await outbox.add(connection, messages)
        self._report(group, settled)
        return bool(messages)

    def _changed(
        self, before: Mapping[str, Endpoint], group: Sequence[Settlement], now: datetime
    ) -> dict[str, Endpoint]:
        now_are = {id_: after(endpoint, group, now, self._patience) for id_, endpoint in before.items()}
        return {id_: endpoint for id_, endpoint in now_are.items() if endpoint != before[id_]}

    def _messages(
        self,
        group: Sequence[Settlement],
        settled: Mapping[int, Settled],
        before: Mapping[str, Endpoint],
        changed: Mapping[str, Endpoint],
        now: datetime,
    ) -> list[Message]:
        ended = [
            announcements.delivery_ended(self._topic, each.claim, row, each.attempt.answer, now)
            for each in group
            if (row := settled.get(each.claim.id)) and announcements.ends(each.claim, row)
        ]
        of_endpoints = (
            announcements.endpoint_changed(self._topic, before[id_], endpoint, now)
            for id_, endpoint in changed.items()
        )
        return [message for messages in of_endpoints for message in messages] + ended

    def _report(self, group: Sequence[Settlement], settled: Mapping[int, Settled]) -> None:
        """One wide line an attempt."""
        for each in group:
            row = settled.get(each.claim.id)
            self._attempts.labels(each.verdict.outcome).inc()
            log.info(
                "delivery.attempted" if row else "delivery.lease-lost",
                **_said(each),
                attempt=row.attempts if row else None,
                delivery_status=row.status if row else None,
            )


def _told_of(result: Settlement, changing: set[str]) -> bool:
    return result.claim.endpoint_id in changing or result.verdict.status in announcements.ENDED


def _said(result: Settlement) -> dict[str, object]:
    claim, attempt = result.claim, result.attempt
    return {
        "webhook_id": claim.webhook_id,
        "endpoint_id": claim.endpoint_id,
        "link_id": claim.link_id,
        "threepl_id": claim.threepl_id,
        "shop_id": claim.shop_id,
        "order_id": claim.order_id,
        "sequence": claim.sequence,
        "type": claim.type,
        "outcome": result.verdict.outcome,
        "status": attempt.answer.status,
        "error": attempt.answer.error,
        "duration_ms": attempt.duration_ms,
    }

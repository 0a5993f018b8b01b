"""The webhook-dispatcher put together: the only place that reads its settings and builds its parts."""

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import AnyHttpUrl, Field, field_validator

from shared import dead_letter_api, http, runtime
from shared.auth import Callers, TrustedKeys, caller_dependency
from shared.database import INDEXES_ONLY, Database
from shared.encryption import KeyRing
from shared.kafka import topics
from shared.kafka.batches import Batches, Handle
from shared.kafka.consumer import BatchConsumer
from shared.kafka.relay import Relay
from shared.kafka.subscription import Subscription, kafka_broker
from shared.loops import nudging
from shared.runtime import Service
from shared.settings import CommaSeparated, EncryptionKeys, ServiceSettings, commas
from shared.telemetry import Metrics
from webhook_dispatcher import schedule
from webhook_dispatcher.api import deliveries, endpoints, health, pace, resends, secrets, testing
from webhook_dispatcher.api.parts import Parts
from webhook_dispatcher.exchange import Egress, Sender
from webhook_dispatcher.gates import MOST_FAILURES, Pace
from webhook_dispatcher.handlers import Handlers
from webhook_dispatcher.resending import Resending
from webhook_dispatcher.retention import Retention
from webhook_dispatcher.sealing import Sealing
from webhook_dispatcher.settling import Settler
from webhook_dispatcher.transport import guarded_transport
from webhook_dispatcher.worker import Dispatcher, Limits

NAME = "webhook-dispatcher"
TOPICS = (topics.LINKS, topics.ASSIGNMENTS, topics.DELIVERIES, topics.dead_letter(NAME))

Seconds = Annotated[float, Field(gt=0, le=90 * 86_400)]
MIGRATIONS = Path(__file__).parent / "migrations"


class Settings(ServiceSettings):
    """The dispatcher's settings, from the environment; times are in seconds."""

    integration_url: AnyHttpUrl
    encryption_keys: EncryptionKeys
    allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], CommaSeparated] = ()
    allow_http: bool = False
    retry_schedule: Annotated[tuple[Seconds, ...], CommaSeparated] = schedule.DEFAULT
    request_deadline: float = Field(default=15, gt=0, le=300)
    concurrency: int = Field(default=500, ge=1, le=10_000)
    endpoint_concurrency: int = Field(default=50, ge=1, le=1000)
    endpoint_rate: float | None = Field(default=None, gt=0)
    breaker_failures: int = Field(default=MOST_FAILURES, ge=1)
    disable_after_days: float = Field(default=5, gt=0)
    retention_days: int = Field(default=30, ge=1)

    @field_validator("encryption_keys", "allowed_networks", "retry_schedule", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return commas(value)


def build(settings: Settings) -> FastAPI:
    """The service, ready to be served; nothing runs before its lifespan does."""
    prefix = settings.topic_prefix
    metrics = Metrics(NAME)
    database = Database(settings.database_url, planner=INDEXES_ONLY)
    relay = Relay(database, settings.kafka_bootstrap_servers, metrics)
    broker = kafka_broker(settings.kafka_bootstrap_servers, NAME, settings.drain_timeout)
    trusted = TrustedKeys(database, str(settings.integration_url), metrics)
    keys = KeyRing(settings.encryption_keys)
    transport = guarded_transport(settings.allowed_networks)
    dispatcher = Dispatcher(
        database,
        Sender(
            transport, keys, Egress(settings.allow_http, settings.allowed_networks), settings.request_deadline
        ),
        Settler(database, prefix + topics.DELIVERIES, timedelta(days=settings.disable_after_days), metrics),
        Limits(
            settings.concurrency,
            settings.request_deadline,
            settings.retry_schedule,
            Pace(settings.endpoint_concurrency, settings.endpoint_rate, settings.breaker_failures),
        ),
        metrics,
        announced=relay.nudge,
    )
    kept = timedelta(days=settings.retention_days)
    handlers = Handlers(keys, kept)
    sealing = Sealing(database, keys, metrics)
    resending = Resending(database, kept, metrics)
    retention = Retention(database, kept, metrics)

    def consumer(topic: str, handle: Handle) -> BatchConsumer:
        letters = prefix + topics.dead_letter(NAME)
        batches = Batches(database, handle, dead_letter_topic=letters, metrics=metrics, committed=relay.nudge)
        subscription = Subscription(
            f"{prefix}{NAME}.{topic}", topics=(prefix + topic,), instance=settings.instance
        )
        return BatchConsumer(broker, database, subscription, batches)

    async def drain() -> None:
        await dispatcher.drain(settings.drain_timeout)

    service = Service(
        name=NAME,
        settings=settings,
        database=database,
        metrics=metrics,
        relay=relay,
        migrations=MIGRATIONS,
        broker=broker,
        topics=[prefix + name for name in TOPICS],
        consumers=[
            consumer(topics.LINKS, handlers.on_links),
            consumer(topics.ASSIGNMENTS, handlers.on_assignments),
        ],
        loops=[*dispatcher.loops, resending.loop, retention.loop, sealing.loop, trusted.loop],
        before_start=[sealing.try_keys, retention.make],
        on_stop=[drain, transport.aclose, trusted.close],
    )
    caller = caller_dependency(trusted.find)
    api = http.create_api(
        service, "Orderdock webhook-dispatcher", "Endpoints, deliveries and their attempts, resends."
    )
    nudge = nudging(relay.loop, resending.loop)
    api.state.parts = Parts(database, Callers(trusted.find), keys, prefix + topics.DELIVERIES, kept, nudge)
    for routes in (endpoints, health, pace, testing, secrets, deliveries, resends):
        api.include_router(routes.router)
    api.include_router(dead_letter_api.routes(service, caller))
    return api


def main() -> None:
    """The command `orderdock-webhook-dispatcher`."""
    runtime.command(NAME, Settings, build, MIGRATIONS)

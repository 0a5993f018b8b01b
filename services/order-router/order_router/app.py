"""The order-router put together: the only place that reads its settings and builds its parts."""

import re
from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI
from pydantic import AnyHttpUrl, Field, field_validator

from order_router import handlers
from order_router.api import acts, bulk, explaining, exporting, orders, simulating
from order_router.api.parts import Parts
from order_router.handlers import OrderHandler
from order_router.links_watch import LinksWatch
from order_router.worker import Lapser, LinkFollower
from shared import dead_letter_api, http, runtime
from shared.auth import Callers, TrustedKeys, caller_dependency
from shared.database import Database
from shared.kafka import topics
from shared.kafka.batches import Batches, Handle
from shared.kafka.consumer import BatchConsumer
from shared.kafka.relay import Relay
from shared.kafka.subscription import Subscription, kafka_broker
from shared.loops import Loop, nudging
from shared.runtime import Service
from shared.settings import ServiceSettings
from shared.telemetry import Metrics

NAME = "order-router"
MIGRATIONS = Path(__file__).parent / "migrations"


class Settings(ServiceSettings):
    """The order-router's settings, from the environment."""

    integration_url: AnyHttpUrl
    route_max_age: float = Field(default=7 * 24 * 3600, gt=0, description="seconds")
    order_topics: str = Field(default=r"orders\.([^.]+\.)?(created|updated|cancelled)", min_length=1)
    metadata_max_age: float = Field(default=30, ge=0.1, description="seconds")

    @field_validator("order_topics")
    @classmethod
    def _reads_orders(cls, pattern: str) -> str:
        """Reading what it writes, dead letters say, the router would never come to an end."""
        try:
            re.compile(pattern)
            whole = re.compile(order_topics("", pattern))
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"is no regular expression: {error}") from error
        for topic in topics.TOPICS:
            if whole.match(topic.name) and topic.name not in _ORDERS:
                raise ValueError(f"must not match {topic.name}, which holds no orders")
        return pattern


def build(settings: Settings) -> FastAPI:
    """The service, ready to be served; nothing runs before its lifespan does."""
    prefix = settings.topic_prefix
    metrics = Metrics(NAME)
    database = Database(settings.database_url)
    relay = Relay(database, settings.kafka_bootstrap_servers, metrics)
    broker = kafka_broker(
        settings.kafka_bootstrap_servers, NAME, settings.drain_timeout, settings.metadata_max_age
    )
    keys = TrustedKeys(database, str(settings.integration_url), metrics)

    def batches(handle: Handle, *nudged: Loop) -> Batches:
        return Batches(
            database,
            handle,
            dead_letter_topic=prefix + topics.dead_letter(NAME),
            metrics=metrics,
            committed=nudging(relay.loop, *nudged),
        )

    assignments = prefix + topics.ASSIGNMENTS
    follower = Loop("link-follower", LinkFollower(database, relay, assignments).step, metrics, idle=0.2)
    lapser = Loop("lapser", Lapser(database, relay, assignments).step, metrics, idle=10)
    links_consumer = BatchConsumer(
        broker,
        database,
        Subscription(f"{prefix}{NAME}.links", topics=(prefix + topics.LINKS,), instance=settings.instance),
        batches(handlers.on_links, follower),
    )
    watch = LinksWatch(database, links_consumer, prefix + topics.LINKS, metrics)
    order_handler = OrderHandler(assignments, timedelta(seconds=settings.route_max_age))
    orders_consumer = BatchConsumer(
        broker,
        database,
        Subscription(
            f"{prefix}{NAME}.orders",
            pattern=order_topics(prefix, settings.order_topics),
            instance=settings.instance,
        ),
        batches(order_handler.on_orders),
        gate=watch.is_fresh,
    )
    service = Service(
        name=NAME,
        settings=settings,
        database=database,
        metrics=metrics,
        relay=relay,
        migrations=MIGRATIONS,
        broker=broker,
        topics=[prefix + name for name in _TOPICS],
        consumers=[links_consumer, orders_consumer],
        loops=[follower, lapser, watch.loop, keys.loop],
        doubts=[watch.doubts],
        on_stop=[keys.close],
    )
    app = http.create_api(service, "Orderdock order-router", "Who holds which order, and why.")
    app.state.parts = Parts(database, Callers(keys.find), relay.nudge, assignments)
    for routes in (bulk, acts, exporting, orders, explaining, simulating):
        app.include_router(routes.router)
    app.include_router(dead_letter_api.routes(service, caller_dependency(keys.find)))
    return app


_ORDERS = (topics.ORDERS_CREATED, topics.ORDERS_UPDATED, topics.ORDERS_CANCELLED)
_TOPICS = (*_ORDERS, topics.LINKS, topics.ASSIGNMENTS, topics.dead_letter(NAME))


def order_topics(prefix: str, pattern: str) -> str:
    """The pattern of the topics order systems publish to, whole: after the prefix, to the name's end."""
    return rf"^{re.escape(prefix)}(?:{pattern})$"


def main() -> None:
    """The command `orderdock-order-router`."""
    runtime.command(NAME, Settings, build, MIGRATIONS)

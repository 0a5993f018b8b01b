"""The integration service put together: accounts, people, API keys, invitations, links and their mails."""

from datetime import timedelta
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI
from faststream.kafka import KafkaBroker
from pydantic import AnyHttpUrl, Field, field_validator

from integration.api import (
    accounts,
    acts,
    api_keys,
    invitations,
    invited,
    links,
    passwords,
    people,
    sessions,
    tokens,
)
from integration.api.limits import Limits
from integration.api.parts import GivenCaller, Parts
from integration.api.work import WorkRoute
from integration.correspondence import Correspondence
from integration.handlers import DeliveriesHandler
from integration.lost_database import refuse_lost_database
from integration.rate_limits import RateLimit
from integration.smtp import SmtpServer
from integration.tokens import REFRESH, Tokens
from integration.worker import Forgetting, Mailer
from shared import dead_letter_api
from shared.auth import Callers
from shared.contracts.callers import Caller
from shared.database import Database
from shared.encryption import KeyRing
from shared.http import create_api
from shared.kafka import topics
from shared.kafka.batches import Batches
from shared.kafka.consumer import BatchConsumer
from shared.kafka.relay import Relay
from shared.kafka.subscription import Subscription, kafka_broker
from shared.loops import Loop, nudging
from shared.runtime import Service, command
from shared.settings import CommaSeparated, EncryptionKeys, ServiceSettings, commas
from shared.telemetry import Metrics

NAME = "integration"
DESCRIPTION = (
    "Accounts, their people and API keys, invitations, and the links of shops with their 3PLs. A POST that "
    "is repeated with the same Idempotency-Key within 24 hours is answered as the first time."
)
MIGRATIONS = Path(__file__).parent / "migrations"
# A request's route is looked for in this order, so what is asked for most comes first.
ROUTERS = (links, acts, accounts, api_keys, people, tokens, sessions, passwords, invited, invitations)


class Settings(ServiceSettings):
    """The integration service's own settings."""

    encryption_keys: EncryptionKeys = ()
    smtp_url: str
    smtp_deadline: float = Field(default=30, gt=0)
    mail_from: str = Field(pattern=r"^[^\r\n]*[^@\s<>]+@[^@\s<>]+>?$")
    console_url: AnyHttpUrl
    allow_http: bool = False
    allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], CommaSeparated] = ()
    # In seconds. A key stays published for 20 minutes after it last signed, so no token may live longer.
    token_lifetime: int = Field(default=900, ge=30, le=900)
    signing_key_lifetime: int = Field(default=30 * 24 * 3600, ge=3600)
    # Tries of one account, e-mail or person; those of a network address are ten times as many.
    finds_per_hour: int = Field(default=120, ge=1)
    sign_ins_per_quarter: int = Field(default=10, ge=1)
    mails_per_hour: int = Field(default=5, ge=1)
    redeems_per_hour: int = Field(default=60, ge=1)

    _lists = field_validator("encryption_keys", "allowed_networks", mode="before")(commas)

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, url: str) -> str:
        SmtpServer.at(url)
        return url


def build(settings: Settings) -> FastAPI:
    """The service's API; its lifespan runs the service. Raises `SettingsWrong`."""
    metrics = Metrics(NAME)
    # Behind the lapse of a large account its other requests wait so long, and then leave room for others'.
    database = Database(settings.database_url, lock_timeout=3)
    counting = Database(settings.database_url, pool_size=4)
    ring = KeyRing(settings.encryption_keys)
    relay = Relay(database, settings.kafka_bootstrap_servers, metrics)
    issuer = Tokens(
        database,
        ring,
        timedelta(seconds=settings.token_lifetime),
        timedelta(seconds=settings.signing_key_lifetime),
    )
    server = SmtpServer.at(settings.smtp_url, settings.smtp_deadline)
    mailer = Mailer(database, ring, server, settings.mail_from, metrics)
    mailing = Loop("mailer", mailer.step, metrics, idle=5)
    console_url = str(settings.console_url)
    topic = settings.topic_prefix + topics.LINKS
    broker = kafka_broker(settings.kafka_bootstrap_servers, NAME, settings.drain_timeout)
    handler = DeliveriesHandler(Correspondence(ring, console_url), mailing.nudge)
    consumer = _consumer(settings, broker, database, metrics, relay, handler)
    service = Service(
        name=NAME,
        settings=settings,
        database=database,
        metrics=metrics,
        relay=relay,
        migrations=MIGRATIONS,
        broker=broker,
        topics=[settings.topic_prefix + name for name in _TOPICS],
        consumers=[consumer],
        loops=[
            mailing,
            Loop("signing-keys", issuer.keep_step, metrics, idle=REFRESH),
            Loop("forgetting", Forgetting(database).step, metrics, idle=3600),
        ],
        before_start=[
            partial(refuse_lost_database, database, settings.kafka_bootstrap_servers, topic),
            issuer.ensure_key,
        ],
        on_stop=[counting.close],
    )
    parts = Parts(
        database=database,
        tokens=issuer,
        callers=Callers(issuer.find),
        ring=ring,
        limits=_limits(counting, settings),
        announce=relay.nudge,
        post=mailing.nudge,
        links_topic=topic,
        console_url=console_url,
        allow_http=settings.allow_http,
        allowed_networks=settings.allowed_networks,
    )
    api = _api(service, parts)
    # A put-back may hold a connection for its Idempotency-Key; its own come from elsewhere, or enough of them
    # at once would hold all there are.
    letters = dead_letter_api.routes(
        service, _caller, database=counting, route_class=WorkRoute, posting={"idempotency_key_reused": 422}
    )
    api.include_router(letters)
    return api


_TOPICS = (topics.LINKS, topics.DELIVERIES, topics.dead_letter(NAME))


def _consumer(
    settings: Settings,
    broker: KafkaBroker,
    database: Database,
    metrics: Metrics,
    relay: Relay,
    handler: DeliveriesHandler,
) -> BatchConsumer:
    prefix = settings.topic_prefix
    batches = Batches(
        database,
        handler.on_deliveries,
        dead_letter_topic=prefix + topics.dead_letter(NAME),
        metrics=metrics,
        committed=nudging(relay.loop),
    )
    subscription = Subscription(
        f"{prefix}{NAME}.deliveries", topics=(prefix + topics.DELIVERIES,), instance=settings.instance
    )
    return BatchConsumer(broker, database, subscription, batches)


async def _caller(caller: GivenCaller) -> Caller:
    return caller


def _limits(database: Database, settings: Settings) -> Limits:
    hour, quarter = timedelta(hours=1), timedelta(minutes=15)
    return Limits(
        database,
        finding=RateLimit("finding", "look-ups of others", settings.finds_per_hour, hour),
        signing_in=RateLimit("signing-in", "sign-ins", settings.sign_ins_per_quarter, quarter),
        mailing=RateLimit("mailing", "mails", settings.mails_per_hour, hour),
        redeeming=RateLimit("redeeming", "tries with a token", settings.redeems_per_hour, hour),
    )


def _api(service: Service, parts: Parts) -> FastAPI:
    api = create_api(service, "Orderdock integration", DESCRIPTION)
    api.state.parts = parts
    for noun in ROUTERS:
        api.include_router(noun.router)
    return api


def main() -> None:
    command(NAME, Settings, build, MIGRATIONS)

"""The integration service put together: accounts, API keys, tokens and links, announced on `links`."""

from datetime import timedelta
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI
from pydantic import Field, field_validator

from integration.api import accounts, acts, api_keys, links, tokens
from integration.api.parts import Parts
from integration.lost_database import refuse_lost_database
from integration.tokens import Tokens
from shared.database import Database
from shared.encryption import KeyRing
from shared.http import create_api
from shared.kafka.relay import Relay
from shared.kafka.topics import LINKS
from shared.runtime import Service, command
from shared.settings import CommaSeparated, EncryptionKeys, ServiceSettings, commas
from shared.telemetry import Metrics

DESCRIPTION = "Accounts, their API keys and access tokens, and the links of shops with their 3PLs."
MIGRATIONS = Path(__file__).parent / "migrations"


class Settings(ServiceSettings):
    """The integration service's own settings."""

    encryption_keys: EncryptionKeys = ()
    allow_http: bool = False
    allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], CommaSeparated] = ()
    # In seconds. A key stays published for 20 minutes after it last signed, so no token may live longer.
    token_lifetime: int = Field(default=900, ge=30, le=900)

    _lists = field_validator("encryption_keys", "allowed_networks", mode="before")(commas)


def build(settings: Settings) -> FastAPI:
    """The service's API; its lifespan runs the service. Raises `SettingsWrong`."""
    metrics = Metrics("integration")
    database = Database(settings.database_url)
    relay = Relay(database, settings.kafka_bootstrap_servers, metrics)
    issuer = Tokens(database, KeyRing(settings.encryption_keys), timedelta(seconds=settings.token_lifetime))
    topic = settings.topic_prefix + LINKS
    intact = partial(refuse_lost_database, database, settings.kafka_bootstrap_servers, topic)
    service = Service(
        name="integration",
        settings=settings,
        database=database,
        metrics=metrics,
        relay=relay,
        migrations=MIGRATIONS,
        topics=[topic],
        before_start=[intact, issuer.ensure_key],
    )
    parts = Parts(database, issuer, relay.nudge, topic, settings.allow_http, settings.allowed_networks)
    return _api(service, parts)


def _api(service: Service, parts: Parts) -> FastAPI:
    api = create_api(service, "Orderdock integration", DESCRIPTION)
    api.state.parts = parts
    for noun in (tokens, accounts, api_keys, links, acts):
        api.include_router(noun.router)
    return api


def main() -> None:
    command("integration", Settings, build, MIGRATIONS)

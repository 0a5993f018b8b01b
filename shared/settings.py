"""Settings of a service, from its environment; what is missing or wrong is named, and the service exits 2."""

from typing import Annotated, Any, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.database import asyncpg_url
from shared.errors import SettingsWrong

S = TypeVar("S", bound="ServiceSettings")

CommaSeparated = NoDecode


def commas(value: Any) -> Any:
    """`a, b` as `["a", "b"]`: how lists are written in the environment."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class ServiceSettings(BaseSettings):
    """What every service needs to run; each service's own settings extend it."""

    model_config = SettingsConfigDict(
        env_prefix="ORDERDOCK_", frozen=True, extra="ignore", populate_by_name=True
    )

    database_url: str = Field(validation_alias="DATABASE_URL", min_length=1)
    kafka_bootstrap_servers: str = Field(validation_alias="KAFKA_BOOTSTRAP_SERVERS", min_length=1)
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    topic_prefix: str = Field(default="", pattern=r"^[a-zA-Z0-9._-]*$")
    instance: str | None = Field(default=None, pattern=r"^[a-zA-Z0-9._-]{1,249}$")
    metrics_token: SecretStr | None = Field(default=None, min_length=1)
    trusted_proxies: Annotated[tuple[str, ...], CommaSeparated] = ()
    log_level: str = Field(default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")
    start_timeout: float = Field(default=60, gt=0)
    drain_timeout: float = Field(default=15, gt=0)

    _proxies = field_validator("trusted_proxies", mode="before")(commas)

    @field_validator("database_url")
    @classmethod
    def _asyncpg(cls, url: str) -> str:
        return asyncpg_url(url)


def load(settings: type[S]) -> S:
    """The settings in the environment; raises `SettingsWrong` with one line for each fault."""
    try:
        return settings()
    except ValidationError as error:
        faults = [_fault(settings, fault) for fault in error.errors(include_url=False, include_input=False)]
        raise SettingsWrong("\n".join(faults)) from error


def _fault(settings: type[ServiceSettings], fault: Any) -> str:
    place = str(fault["loc"][0]) if fault["loc"] else "settings"
    name = place if place.isupper() else _variable(settings, place)
    said = "is missing" if fault["type"] == "missing" else fault["msg"]
    return f"{name}: {said}"


def _variable(settings: type[ServiceSettings], field: str) -> str:
    alias = settings.model_fields[field].validation_alias if field in settings.model_fields else None
    return str(alias or f"ORDERDOCK_{field.upper()}")


EncryptionKeys = Annotated[tuple[SecretStr, ...], CommaSeparated]

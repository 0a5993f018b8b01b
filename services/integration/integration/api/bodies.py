"""What callers say of a link: settings and rules, and nothing beyond the named fields."""

from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from shared.contracts.links import Reference, Settings
from shared.contracts.plain_text import plain
from shared.contracts.rules import Condition, Rule, Rules
from shared.egress import Network, url_refusal
from shared.errors import Problem

# They stand in every record of the link, and twice in each line of its history.
MOST_RULES_BYTES = 32 * 1024
_STRICT = ConfigDict(frozen=True, extra="forbid")


class SettingsBody(Settings):
    """All of a link's settings: a field that is left out takes its default."""

    model_config = _STRICT

    client_reference: Annotated[Reference, AfterValidator(plain)] = Field(
        default="", description="The 3PL's own id for this shop."
    )
    webhook_url: Annotated[str, Field(max_length=2048), AfterValidator(plain)] | None = None

    def checked(self, *, allow_http: bool, allowed: tuple[Network, ...]) -> Settings:
        """The settings; raises the 422 problem if webhooks may not go to `webhook_url` (DESIGN 5.8)."""
        if self.webhook_url is None:
            return Settings(**dict(self))
        refusal = url_refusal(self.webhook_url, allow_http=allow_http, allowed=allowed)
        if refusal is not None:
            errors = [{"field": "webhook_url", "detail": refusal}]
            raise Problem(422, "invalid-request", f"webhook_url: {refusal}", errors=errors)
        return Settings(**dict(self))


class ConditionBody(Condition):
    """What must hold of one field of an order."""

    model_config = _STRICT


class RuleBody(Rule):
    """Conditions that must all hold."""

    model_config = _STRICT

    conditions: tuple[ConditionBody, ...] = Field(max_length=20, json_schema_extra={"minItems": 1})


class RulesBody(Rules):
    """All of a link's rules: a field that is left out takes its default."""

    model_config = _STRICT

    rules: tuple[RuleBody, ...] = Field(default=(), max_length=100)

    @model_validator(mode="after")
    def _small(self) -> Self:
        size = len(self.model_dump_json())
        if size > MOST_RULES_BYTES:
            raise ValueError(f"all rules together may hold {MOST_RULES_BYTES} bytes of JSON, not {size}")
        return self

    def plain(self) -> Rules:
        """The rules as the contract has them."""
        return Rules.model_validate(self.model_dump())

"""What callers say of a link: the other side, settings, rules; nothing beyond the named fields."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from integration.accounts import Email
from integration.plain_text import plain
from shared.contracts.identifiers import AccountId
from shared.contracts.links import Reference, Rules, Settings
from shared.egress import Network, url_refusal
from shared.errors import Problem

_STRICT = ConfigDict(frozen=True, extra="forbid")


class NewLink(BaseModel):
    """The other side, by its exact account id or its exact e-mail: one of the two."""

    model_config = _STRICT

    account_id: AccountId | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.account_id is None) == (self.email is None):
            raise ValueError("give either account_id or email of the other side")
        return self


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


class RulesBody(Rules):
    """All of a link's rules: a field that is left out takes its default."""

    model_config = _STRICT

    def plain(self) -> Rules:
        """The rules as the contract has them."""
        return Rules(**dict(self))

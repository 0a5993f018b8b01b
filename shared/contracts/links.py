"""A link's whole state, as `links` carries it (DESIGN 2.9 and 3)."""

from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic.json_schema import SkipJsonSchema

from shared.contracts import cloudevents
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.identifiers import ShopId, ThreeplId
from shared.contracts.rules import Rules, UnknownRules
from shared.errors import UnreadableMessage

LINK_CHANGED = "com.orderdock.link.changed"
SOURCE = "/services/integration"

Side = Literal["shop", "threepl"]
Status = Literal["pending", "active", "inactive", "deleted"]
SettingName = Literal[
    "shipping_rules_from", "charge_to", "support_tickets_from", "client_reference", "webhook_url"
]
# What a newer writer says in its rules must not make a link unreadable: its state and epoch still count.
ReadRules = Annotated[Rules | SkipJsonSchema[UnknownRules], Field(union_mode="left_to_right")]
Reference = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Settings(BaseModel):
    """The 3PL side's choices on a link; defaults as in DESIGN 3."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    shipping_rules_from: Side = "threepl"
    charge_to: Side = "threepl"
    support_tickets_from: Side = "threepl"
    client_reference: Reference = ""
    webhook_url: str | None = Field(default=None, max_length=2048)


_NAMES = frozenset(get_args(SettingName))


class OpenSetting(BaseModel):
    """A setting's last change that was meant for open orders too, and the link's version of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    value: str | None
    version: int = Field(ge=1)


class Link(BaseModel):
    """The connection of one shop with one 3PL, whole.

    An account that was only invited so far is None. `version` counts changes, `epoch` counts
    deactivations and the deletion.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    shop_id: ShopId | None
    threepl_id: ThreeplId | None
    started_by: Side
    shop_on: bool
    threepl_on: bool
    status: Status
    version: int = Field(ge=1)
    epoch: int = Field(ge=0)
    settings: Settings = Settings()
    rules: ReadRules = Rules()
    open_settings: dict[SettingName, OpenSetting] = {}
    created_at: AwareDatetime
    changed_at: AwareDatetime

    @field_validator("open_settings", mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        """Settings of a newer writer are passed over: the link's state and epoch still count."""
        return {name: given[name] for name in given if name in _NAMES} if isinstance(given, dict) else given

    @field_validator("open_settings")
    @classmethod
    def _possible(cls, given: dict[SettingName, OpenSetting]) -> dict[SettingName, OpenSetting]:
        Settings.model_validate({name: setting.value for name, setting in given.items()})
        return given


def write(link: Link) -> bytes:
    """The link as the CloudEvent that `links` carries under the link's id as key."""
    return cloudevents.write_raw(
        event_id=f"{link.id}/{link.version}",
        source=SOURCE,
        event_type=LINK_CHANGED,
        subject=link.id,
        time=link.changed_at,
        data=link.model_dump_json(),
    )


def read(event: CloudEvent) -> Link:
    """The link in an event of type `LINK_CHANGED`; raises `UnreadableMessage` if it holds none."""
    try:
        return Link.model_validate(event.data)
    except ValidationError as error:
        raise UnreadableMessage(f"no link: {cloudevents.first_fault(error)}") from error

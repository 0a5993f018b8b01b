"""A link's history: who did what to it, when, and what that changed (DESIGN 2.8)."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from integration.lifecycle import Act
from integration.links import OwnLink

_SAID_ELSEWHERE = {"id", "version", "created_at", "changed_at", "shop_name", "threepl_name"}
_PARTS = ("settings", "rules", "open_settings")


class Change(BaseModel):
    """One field before and after."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)

    before: Any = Field(alias="from")
    after: Any = Field(alias="to")


class Actor(BaseModel):
    """Who acts: an account, by one of its people or API keys."""

    model_config = ConfigDict(frozen=True)

    who: str
    by: str | None = None


class HistoryLine(BaseModel):
    """One change of a link: it made the version; `changes` is by field, as in `settings.webhook_url`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int
    who: str = Field(description="The id of the account that acted; `invited` before there was one.")
    by: str | None = Field(
        default=None, description="The person or API key that acted, if it is of the reader's own account."
    )
    act: Act
    at: datetime
    changes: dict[str, Change]


def line(before: OwnLink | None, after: OwnLink, act: Act, actor: Actor) -> HistoryLine:
    """The history line of the change from one version of a link, None if it is new, to the next."""
    return HistoryLine(
        version=after.version,
        who=actor.who,
        by=actor.by,
        act=act,
        at=after.changed_at,
        changes=_changes(before, after),
    )


def _changes(before: OwnLink | None, after: OwnLink) -> dict[str, Change]:
    # Only what changed is written out: of a lapse of many links, each a few switches.
    changed = {name for name, value in after if before is None or getattr(before, name) != value}
    old, new = _fields(before, changed) if before else {}, _fields(after, changed)
    return {
        name: Change(before=old.get(name), after=new.get(name))
        for name in [*new, *(old.keys() - new.keys())]
        if old.get(name) != new.get(name)
    }


def _fields(link: OwnLink, names: set[str]) -> dict[str, Any]:
    whole = link.model_dump(mode="json", include=names - _SAID_ELSEWHERE)
    parts = {part: whole.pop(part) for part in _PARTS if part in whole}
    return whole | {f"{part}.{name}": value for part, named in parts.items() for name, value in named.items()}

"""A link's life: what each side's act makes of each state, or why it can't be (DESIGN 2.3, 2.6, 2.7, 2.9).

| state    | activate                      | deactivate     | delete  |
| -------- | ----------------------------- | -------------- | ------- |
| pending  | own switch on; active if both | own switch off | deleted |
| active   | stays as it is                | inactive       | deleted |
| inactive | own switch on; active if both | own switch off | deleted |
| deleted  | link-deleted                  | link-deleted   | link-deleted |

Who activates while its own switch is on already and the other's is off is told so
(`waiting-for-other-side`). An act that finds everything as it asks returns the link itself.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal, get_args

from integration.accounts import WORDS, Plan, require_plan
from shared.contracts.links import Link, OpenSetting, Rules, SettingName, Settings, Side, Status
from shared.errors import Problem

ApplyTo = Literal["new_orders", "open_orders"]
Act = Literal["start", "activate", "deactivate", "delete", "change_settings", "change_rules"]


def start(link_id: str, shop_id: str, threepl_id: str, side: Side, plan: Plan, now: datetime) -> Link:
    """A new link, its starter's switch on; raises the problem `plan-required`."""
    require_plan(side, plan)
    return Link(
        id=link_id,
        shop_id=shop_id,
        threepl_id=threepl_id,
        started_by=side,
        shop_on=side == "shop",
        threepl_on=side == "threepl",
        status="pending",
        version=1,
        epoch=0,
        created_at=now,
        changed_at=now,
    )


def activate(link: Link, side: Side, plan: Plan, now: datetime) -> Link:
    """The link with this side's switch on.

    Raises the problems `link-deleted`, `waiting-for-other-side` and `plan-required`.
    """
    _require_live(link)
    if link.status == "active":
        return link
    if is_on(link, side):
        raise Problem(409, "waiting-for-other-side", _waiting(link, side))
    require_plan(side, plan)
    return _switched(link, side, True, now)


def deactivate(link: Link, side: Side, now: datetime) -> Link:
    """The link with this side's switch off; raises the problem `link-deleted`."""
    _require_live(link)
    return _switched(link, side, False, now) if is_on(link, side) else link


def delete(link: Link, now: datetime) -> Link:
    """The link in its last state, whichever side declines, withdraws or ends it; raises `link-deleted`."""
    _require_live(link)
    return _changed(link, now, status="deleted", epoch=link.epoch + 1)


def change_settings(
    link: Link, side: Side, settings: Settings, given: Collection[str], apply_to: ApplyTo, now: datetime
) -> Link:
    """The link with the 3PL side's settings replaced; raises `wrong-side` and `link-deleted`.

    With `open_orders`, each field that was `given` or changed is recorded with the new version: also one
    that stays the same, since open orders may hold an older snapshot of it.
    """
    _require_side(side, "threepl", "settings")
    _require_live(link)
    if apply_to == "new_orders":
        return link if settings == link.settings else _changed(link, now, settings=settings)
    meant = _meant_for_open_orders(link, settings, given)
    if not meant:
        return link
    return _changed(link, now, settings=settings, open_settings={**link.open_settings, **meant})


def change_rules(link: Link, side: Side, rules: Rules, now: datetime) -> Link:
    """The link with the shop side's rules replaced; raises `wrong-side` and `link-deleted`."""
    _require_side(side, "shop", "rules")
    _require_live(link)
    return link if rules == link.rules else _changed(link, now, rules=rules)


def is_on(link: Link, side: Side) -> bool:
    """Whether this side's switch is on."""
    return link.shop_on if side == "shop" else link.threepl_on


def _switched(link: Link, side: Side, on: bool, now: datetime) -> Link:
    switched = link.model_copy(update={"shop_on" if side == "shop" else "threepl_on": on})
    status = _status(switched)
    ended = link.status == "active" and status == "inactive"
    return _changed(switched, now, status=status, epoch=link.epoch + ended)


def _status(switched: Link) -> Status:
    """What the switches of a live link make of it: pending until both have been on at once."""
    if switched.shop_on and switched.threepl_on:
        return "active"
    return "pending" if switched.status == "pending" else "inactive"


def _changed(link: Link, now: datetime, **update: Any) -> Link:
    return link.model_copy(update={**update, "version": link.version + 1, "changed_at": now})


def _meant_for_open_orders(
    link: Link, settings: Settings, given: Collection[str]
) -> dict[SettingName, OpenSetting]:
    before, after = dict(link.settings), dict(settings)
    return {
        name: OpenSetting(value=after[name], version=link.version + 1)
        for name in get_args(SettingName)
        if name in given or after[name] != before[name]
    }


def _require_live(link: Link) -> None:
    if link.status == "deleted":
        raise Problem(409, "link-deleted", "This link is deleted; either side may start a new one.")


def _require_side(side: Side, owner: Side, what: str) -> None:
    if side != owner:
        raise Problem(403, "wrong-side", f"The {what} of a link are the {WORDS[owner]} side's to change.")


def _waiting(link: Link, side: Side) -> str:
    other: Side = "threepl" if side == "shop" else "shop"
    began = "You started this link, so your switch is on" if link.started_by == side else "Your switch is on"
    return f"{began} already; the link becomes active once the {WORDS[other]} activates it."

"""A link's life: what each side's act makes of each state, or why it can't be (DESIGN 2.3, 2.6, 2.7, 2.9)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal, get_args

from integration.accounts import WORDS, Account, Plan, require_plan
from integration.links import OwnLink
from shared.contracts.links import OpenSetting, SettingName, Settings, Side, Status
from shared.contracts.rules import Rules
from shared.errors import Problem

ApplyTo = Literal["new_orders", "open_orders"]
Verb = Literal["activate", "deactivate", "delete"]
Act = Literal["start", Verb, "change_settings", "change_rules", "accept", "decline", "lapse"]
Life = Mapping[str, Mapping[Verb, str]]

# A state is the link's status with the switch of the side that acts and then the other's, each on (+) or
# off (-). The same state again: the act changes nothing. What is no state is the name of a refusal.
LIFE: Life = {
    "pending  +-": {"activate": "waiting-for-other-side", "deactivate": "pending  --", "delete": "deleted"},
    "pending  -+": {"activate": "active   ++", "deactivate": "pending  -+", "delete": "deleted"},
    "pending  --": {"activate": "pending  +-", "deactivate": "pending  --", "delete": "deleted"},
    "active   ++": {"activate": "active   ++", "deactivate": "inactive -+", "delete": "deleted"},
    "inactive +-": {"activate": "waiting-for-other-side", "deactivate": "inactive --", "delete": "deleted"},
    "inactive -+": {"activate": "active   ++", "deactivate": "inactive -+", "delete": "deleted"},
    "inactive --": {"activate": "inactive +-", "deactivate": "inactive --", "delete": "deleted"},
    "deleted": {"activate": "link-deleted", "deactivate": "link-deleted", "delete": "link-deleted"},
}
_STATUSES = get_args(Status)


def start(
    link_id: str, starter: Account, side: Side, other: Account | None, email: str | None, now: datetime
) -> OwnLink:
    """A new link, its starter's switch on, with an account or an e-mail on the other side.

    Raises the problem `plan-required`.
    """
    require_plan(side, starter.plan)
    shop, threepl = (starter, other) if side == "shop" else (other, starter)
    return OwnLink(
        id=link_id,
        shop_id=shop.id if shop else None,
        threepl_id=threepl.id if threepl else None,
        email=email,
        shop_name=shop.name if shop else None,
        threepl_name=threepl.name if threepl else None,
        started_by=side,
        shop_on=side == "shop",
        threepl_on=side == "threepl",
        status="pending",
        version=1,
        epoch=0,
        created_at=now,
        changed_at=now,
    )


def act(link: OwnLink, verb: Verb, side: Side, plan: Plan, now: datetime, life: Life = LIFE) -> OwnLink:
    """What the side's act makes of the link, by the table `life`; the link itself where nothing changes.

    Raises the problems `link-deleted`, `waiting-for-other-side` and, for a switch turned on, `plan-required`.
    """
    before, after = state(link, side), life[state(link, side)][verb]
    if after == before:
        return link
    if after.split()[0] not in _STATUSES:
        raise _refusal(after, link, side)
    if verb == "activate":
        require_plan(side, plan)
    return _moved(link, side, after, now)


def lapse(link: OwnLink, side: Side, now: datetime) -> OwnLink:
    """The link with the switch of the side off whose plan no longer allows it on (DESIGN 2.4)."""
    return _moved(link, side, LIFE[state(link, side)]["deactivate"], now)


def accept(link: OwnLink, account: Account, now: datetime) -> OwnLink:
    """The link with an account in place of the e-mail that was invited; its switch stays off."""
    _require_live(link)
    names = {"shop": "shop_name", "threepl": "threepl_name"}
    update = {f"{account.kind}_id": account.id, names[account.kind]: account.name, "email": None}
    return _changed(link, now, **update)


def change_settings(
    link: OwnLink, side: Side, settings: Settings, given: Collection[str], apply_to: ApplyTo, now: datetime
) -> OwnLink:
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


def change_rules(link: OwnLink, side: Side, rules: Rules, now: datetime) -> OwnLink:
    """The link with the shop side's rules replaced; raises `wrong-side` and `link-deleted`."""
    _require_side(side, "shop", "rules")
    _require_live(link)
    return link if rules == link.rules else _changed(link, now, rules=rules)


def state(link: OwnLink, side: Side) -> str:
    """The state of a link as the side that acts sees it: a key of `LIFE`."""
    if link.status == "deleted":
        return "deleted"
    own, other = (link.shop_on, link.threepl_on) if side == "shop" else (link.threepl_on, link.shop_on)
    return f"{link.status:8} {'+' if own else '-'}{'+' if other else '-'}"


def _moved(link: OwnLink, side: Side, after: str, now: datetime) -> OwnLink:
    status, _, switches = after.partition(" ")
    update: dict[str, Any] = {"status": status}
    if switches:
        update["shop_on" if side == "shop" else "threepl_on"] = switches.strip()[0] == "+"
    ended = status == "deleted" or (link.status == "active" and status == "inactive")
    return _changed(link, now, epoch=link.epoch + ended, **update)


def _changed(link: OwnLink, now: datetime, **update: Any) -> OwnLink:
    return link.model_copy(update={**update, "version": link.version + 1, "changed_at": now})


def _meant_for_open_orders(
    link: OwnLink, settings: Settings, given: Collection[str]
) -> dict[SettingName, OpenSetting]:
    before, after = dict(link.settings), dict(settings)
    return {
        name: OpenSetting(value=after[name], version=link.version + 1)
        for name in get_args(SettingName)
        if name in given or after[name] != before[name]
    }


def _require_live(link: OwnLink) -> None:
    if link.status == "deleted":
        raise _refusal("link-deleted", link, "shop")


def _require_side(side: Side, owner: Side, what: str) -> None:
    if side != owner:
        raise Problem(403, "wrong-side", f"The {what} of a link are the {WORDS[owner]} side's to change.")


def _refusal(kind: str, link: OwnLink, side: Side) -> Problem:
    if kind == "link-deleted":
        return Problem(409, kind, "This link is deleted; either side may start a new one.")
    other: Side = "threepl" if side == "shop" else "shop"
    began = "You started this link, so your switch is on" if link.started_by == side else "Your switch is on"
    return Problem(
        409, kind, f"{began} already; the link becomes active once the {WORDS[other]} activates it."
    )

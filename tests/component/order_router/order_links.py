"""The links as integration would say them: every version of each, and which of them still are to come."""

from typing import Any

from tests.builders import NOW
from tests.component.order_router.order_told import Account, Body

SETTINGS: Body = {
    "shipping_rules_from": "threepl",
    "charge_to": "threepl",
    "support_tickets_from": "threepl",
    "client_reference": "",
    "webhook_url": None,
}
RULES: Body = {"polarity": "send", "rules": [], "priority": 1, "share": 1, "daily_limit": None}
OFF = {"active": "inactive", "pending": "pending", "inactive": "inactive"}


class Links:
    """Every link's newest state by (shop, 3PL), and the states that nobody was told of yet, oldest first."""

    def __init__(self) -> None:
        self.newest: dict[tuple[str, str], Body] = {}
        self.waiting: list[Body] = []
        self._made = 0

    def change(self, shop: Account, threepl: Account, act: str, given: Body, apply_to: str) -> None:
        """A new version of the pair's link; a new link where it has none or had it deleted."""
        link = self.newest.get((shop.name, threepl.name))
        if link is None or link["status"] == "deleted":
            link = self._started(shop, threepl)
        if act == "rules":
            given = {"rules": {**RULES, **given}}
        elif act == "settings":
            given = _settings(link, given, apply_to)
        else:
            given = {"status": {"activate": "active", "delete": "deleted"}.get(act, OFF[link["status"]])}
        now = {**link, **given, "version": link["version"] + 1}
        ended = (link["status"], now["status"]) == ("active", "inactive") or now["status"] == "deleted"
        now["epoch"] = link["epoch"] + ended
        now["threepl_on"] = now["status"] == "active"
        self.newest[shop.name, threepl.name] = now
        self.waiting.append(now)

    def told(self) -> list[Body]:
        """What was waiting; from now on nothing is."""
        waiting, self.waiting = self.waiting, []
        return waiting

    def _started(self, shop: Account, threepl: Account) -> Body:
        self._made += 1
        link = {
            "id": f"link-{self._made}",
            "shop_id": shop.id,
            "threepl_id": threepl.id,
            "started_by": "shop",
            "shop_on": True,
            "threepl_on": False,
            "status": "pending",
            "version": 1,
            "epoch": 0,
            "settings": SETTINGS,
            "rules": RULES,
            "open_settings": {},
            "created_at": NOW.isoformat(),
            "changed_at": NOW.isoformat(),
        }
        self.waiting.append(link)
        return link


def _settings(link: Body, given: Body, apply_to: str) -> dict[str, Any]:
    changed: Body = {"settings": {**link["settings"], **given}}
    if apply_to == "open_orders":
        meant = {name: {"value": value, "version": link["version"] + 1} for name, value in given.items()}
        changed["open_settings"] = {**link["open_settings"], **meant}
    return changed

"""What DESIGN 2 and 3 say of links, in plain dicts and ifs, for the service to be compared with."""

from typing import Any

from tests.component.integration.link_told import Answer, Body, InvitationTold, LinkTold, differences

OPERATOR, INVITED = "operator", "invited"
OTHER = {"shop": "threepl", "threepl": "shop"}
ENOUGH = {"shop": ("grow", "conquer"), "threepl": ("conquer",)}
SETTINGS: Body = {
    "shipping_rules_from": "threepl",
    "charge_to": "threepl",
    "support_tickets_from": "threepl",
    "client_reference": "",
    "webhook_url": None,
}
RULES: Body = {"polarity": "send", "rules": [], "priority": 1, "share": 1, "daily_limit": None}


class Model:
    """Two sides' accounts by what the test calls them, their links, and the invitations they sent."""

    def __init__(self, accounts: dict[str, Body]) -> None:
        self.accounts = accounts
        self.links: list[LinkTold] = []
        self.invitations: list[InvitationTold] = []

    def start(self, who: str, wanted: Body) -> Answer:
        """Either side finds the other by account id or e-mail; an e-mail that nobody has is invited."""
        side, email = self.accounts[who]["kind"], wanted.get("email", "").lower()
        others = [each for each in self.accounts.values() if each["kind"] == OTHER[side]]
        found = next((each for each in others if wanted.get("account_id") == each["id"]), None)
        found = found or next((each for each in others if email == each["email"]), None)
        if found is None and not email:
            return Answer(404, "account-not-found")
        if not self._may_link(who):
            return Answer(403, "plan-required")
        new = self._new(who, found, email)
        pair = (new["shop_id"], new["threepl_id"], new["email"])
        for link in self.links:
            now = link.now
            if link.is_live and pair == (now["shop_id"], now["threepl_id"], now["email"]):
                return Answer(409, "link-exists", link)
        link = LinkTold()
        self.links.append(link)
        if found is None:
            self.invitations.append(InvitationTold(link, who, OTHER[side], email))
        self._change(link, "start", self.accounts[who]["id"], **new)
        return Answer(201, link=link)

    def activate(self, who: str, link: LinkTold, match: str) -> Answer:
        """A side turns only its own switch on, and needs the plan for it."""
        refusal = self._refusal(who, link, match) or self._gone(link)
        if refusal:
            return refusal
        if not link.now[self._switch(who)]:
            if not self._may_link(who):
                return Answer(403, "plan-required")
            return self._changed(link, "activate", who, **{self._switch(who): True})
        return Answer(200, link=link) if self._both_on(link.now) else Answer(409, "waiting-for-other-side")

    def deactivate(self, who: str, link: LinkTold, match: str) -> Answer:
        refusal = self._refusal(who, link, match) or self._gone(link)
        if refusal:
            return refusal
        if not link.now[self._switch(who)]:
            return Answer(200, link=link)
        return self._changed(link, "deactivate", who, **{self._switch(who): False})

    def delete(self, who: str, link: LinkTold, match: str) -> Answer:
        """The link ends, and with it the invitation that is still open for it."""
        refusal = self._refusal(who, link, match) or self._gone(link)
        if refusal:
            return refusal
        for invitation in self.invitations:
            if invitation.link is link and invitation.state == "open":
                invitation.state = "withdrawn"
        return self._changed(link, "delete", who, status="deleted")

    def change_settings(self, who: str, link: LinkTold, match: str, given: Body, apply_to: str) -> Answer:
        """The 3PL's; meant for open orders too, each field given or changed is kept with the version."""
        refusal = self._refusal(who, link, match) or self._wrong_side(who, "threepl") or self._gone(link)
        if refusal:
            return refusal
        now, wanted = link.now, {**SETTINGS, **given}
        meant = {name for name in SETTINGS if name in given or wanted[name] != now["settings"][name]}
        kept = {name: {"value": wanted[name], "version": now["version"] + 1} for name in meant}
        if apply_to == "open_orders" and meant:
            kept = {**now["open_settings"], **kept}
            return self._changed(link, "change_settings", who, settings=wanted, open_settings=kept)
        if wanted != now["settings"]:
            return self._changed(link, "change_settings", who, settings=wanted)
        return Answer(200, link=link)

    def change_rules(self, who: str, link: LinkTold, match: str, given: Body) -> Answer:
        refusal = self._refusal(who, link, match) or self._wrong_side(who, "shop") or self._gone(link)
        if refusal:
            return refusal
        if {**RULES, **given} == link.now["rules"]:
            return Answer(200, link=link)
        return self._changed(link, "change_rules", who, rules={**RULES, **given})

    def set_plan(self, by: str, who: str, plan: str) -> Answer:
        """A lapse turns the account's switches off; a renewal turns none on."""
        if by != OPERATOR:
            return Answer(403, "forbidden")
        self.accounts[who]["plan"] = plan
        for link in self.links:
            on = link.is_live and who in self.sides(link) and link.now[self._switch(who)]
            if on and not self._may_link(who):
                self._changed(link, "lapse", by, **{self._switch(who): False})
        return Answer(200)

    def read(self, who: str, link: LinkTold) -> Answer:
        may_read = who == OPERATOR or who in self.sides(link)
        return Answer(200, link=link) if may_read else Answer(404, "not-found")

    def attach(self, who: str, invitation: InvitationTold, token: str) -> Answer:
        """The account takes the e-mail's place, unless the pair has a live link by then."""
        if who == OPERATOR:
            return Answer(403, "forbidden")
        if token != invitation.tokens[-1]:
            return Answer(409, "invitation-ended")
        account = self.accounts[who]
        if account["kind"] != invitation.kind:
            return Answer(403, "wrong-kind")
        if not invitation.is_open:
            return Answer(409, "invitation-ended")
        own, invitation.state = invitation.link, "accepted"
        for link in self.links:
            if link.is_live and {who, invitation.inviter} == set(self.sides(link)):
                self._changed(own, "delete", who, status="deleted")
                invitation.link = link
                return Answer(200, link=link)
        joined = {f"{account['kind']}_id": account["id"], f"{account['kind']}_name": account["name"]}
        return self._changed(own, "accept", who, email=None, **joined)

    def decline(self, invitation: InvitationTold, token: str) -> Answer:
        if token != invitation.tokens[-1] or not invitation.is_open:
            return Answer(409, "invitation-ended")
        invitation.state = "declined"
        self._change(invitation.link, "decline", INVITED, status="deleted")
        return Answer(204)

    def resend(self, who: str, invitation: InvitationTold) -> Answer:
        refusal = self._not_inviter(who, invitation)
        if not refusal:
            invitation.is_expired = False
        return refusal or Answer(200)

    def withdraw(self, who: str, invitation: InvitationTold) -> Answer:
        refusal = self._not_inviter(who, invitation)
        if not refusal:
            invitation.state = "withdrawn"
            self._changed(invitation.link, "delete", who, status="deleted")
        return refusal or Answer(200)

    def sides(self, link: LinkTold) -> list[str]:
        """What the accounts on the link are called."""
        ids = (link.now["shop_id"], link.now["threepl_id"])
        return [name for name, each in self.accounts.items() if each["id"] in ids]

    def _new(self, who: str, found: Body | None, email: str) -> Body:
        own = self.accounts[who]
        body: Body = {"email": None if found else email, "started_by": own["kind"], "status": "pending"}
        for side, account in ((own["kind"], own), (OTHER[own["kind"]], found)):
            body[f"{side}_id"] = account["id"] if account else None
            body[f"{side}_name"] = account["name"] if account else None
            body[f"{side}_on"] = account is own
        return {**body, "epoch": 0, "settings": SETTINGS, "rules": RULES, "open_settings": {}}

    def _changed(self, link: LinkTold, act: str, who: str, **update: Any) -> Answer:
        self._change(link, act, self.accounts[who]["id"], **update)
        return Answer(200, link=link)

    def _change(self, link: LinkTold, act: str, who: str, **update: Any) -> None:
        before = link.versions[-1] if link.versions else {}
        now = {**before, **update, "version": len(link.versions) + 1}
        if now["status"] != "deleted":
            link.was_active = link.was_active or self._both_on(now)
            off = "inactive" if link.was_active else "pending"
            now["status"] = "active" if self._both_on(now) else off
        if now["status"] == "deleted" or (before.get("status"), now["status"]) == ("active", "inactive"):
            now["epoch"] += 1
        link.versions.append(now)
        changes = differences(before, now)
        link.history.append({"version": now["version"], "act": act, "who": who, "changes": changes})

    def _refusal(self, who: str, link: LinkTold, match: str) -> Answer | None:
        if who == OPERATOR:
            return Answer(403, "forbidden")
        if who not in self.sides(link):
            return Answer(404, "not-found")
        return Answer(412, "version-changed") if match == "stale" else None

    def _gone(self, link: LinkTold) -> Answer | None:
        return None if link.is_live else Answer(409, "link-deleted")

    def _wrong_side(self, who: str, owner: str) -> Answer | None:
        return None if self.accounts[who]["kind"] == owner else Answer(403, "wrong-side")

    def _not_inviter(self, who: str, invitation: InvitationTold) -> Answer | None:
        if who == OPERATOR:
            return Answer(403, "forbidden")
        if who != invitation.inviter:
            return Answer(404, "not-found")
        return None if invitation.state == "open" else Answer(409, "invitation-ended")

    def _may_link(self, who: str) -> bool:
        return self.accounts[who]["plan"] in ENOUGH[self.accounts[who]["kind"]]

    def _switch(self, who: str) -> str:
        return f"{self.accounts[who]['kind']}_on"

    def _both_on(self, body: Body) -> bool:
        return bool(body["shop_on"] and body["threepl_on"])

"""What is told of a link: its versions and history, an invitation, an answer, and who sees what of them."""

from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]


@dataclass
class LinkTold:
    """A link without its moments: every version as its 3PL sees it, and its history.

    `moments` are those at which the service says that the versions were made.
    """

    id: str = ""
    versions: list[Body] = field(default_factory=list)
    history: list[Body] = field(default_factory=list)
    was_active: bool = False
    moments: dict[int, str] = field(default_factory=dict)

    @property
    def now(self) -> Body:
        return self.versions[-1]

    @property
    def is_live(self) -> bool:
        return bool(self.now["status"] != "deleted")


@dataclass
class InvitationTold:
    """An invitation, with the tokens that were mailed for it."""

    link: LinkTold
    inviter: str
    kind: str
    email: str
    id: str = ""
    state: str = "open"
    is_expired: bool = False
    tokens: list[str] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.state == "open" and not self.is_expired

    def told(self) -> Body:
        """What its sender is told of it."""
        status = "expired" if self.state == "open" and self.is_expired else self.state
        fixed = {"id": self.id, "kind": self.kind, "email": self.email}
        return {**fixed, "link_id": self.link.id, "state": self.state, "status": status}


@dataclass
class Answer:
    """What a call is answered: a status, the problem's type and the link it names, where there is one."""

    status: int
    problem: str = ""
    link: LinkTold | None = None


def seen(body: Body, kind: str) -> Body:
    """A version as an account of this kind sees it: a webhook URL is the 3PL's own."""
    if kind != "shop":
        return body
    open_settings = {name: each for name, each in body["open_settings"].items() if name != "webhook_url"}
    return {**body, "settings": {**body["settings"], "webhook_url": None}, "open_settings": open_settings}


def seen_line(line: Body, account: Body, subject: str) -> Body:
    """A line of the history as this account sees it: by whom is each account's own."""
    hidden = "webhook_url" if account["kind"] == "shop" else "nothing"
    changes = {name: change for name, change in line["changes"].items() if not name.endswith(hidden)}
    return {**line, "by": subject if line["who"] == account["id"] else None, "changes": changes}


def announced(body: Body) -> Body:
    """A version as `links` carries it: nobody's name or address."""
    return {name: each for name, each in body.items() if name not in ("email", "shop_name", "threepl_name")}


def differences(before: Body, after: Body) -> Body:
    """What the history says of two versions, field by field."""
    old, new = _fields(before), _fields(after)
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return {name: {"from": old.get(name), "to": new.get(name)} for name in changed}


def _fields(body: Body) -> Body:
    flat = {}
    for name, each in body.items():
        if name in ("settings", "rules", "open_settings"):
            flat.update({f"{name}.{inner}": value for inner, value in each.items()})
        elif name not in ("version", "shop_name", "threepl_name"):
            flat[name] = each
    return flat

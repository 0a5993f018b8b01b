"""What each side sees of a link: a webhook URL, which may hold a token, is its 3PL's own."""

from integration.history import HistoryLine
from integration.links import OwnLink
from shared.contracts.callers import Caller

HIDDEN = "webhook_url"


def link_for(caller: Caller, link: OwnLink) -> OwnLink:
    """The link as this caller sees it."""
    if caller.kind != "shop":
        return link
    settings = link.settings.model_copy(update={HIDDEN: None})
    open_settings = {name: each for name, each in link.open_settings.items() if name != HIDDEN}
    return link.model_copy(update={"settings": settings, "open_settings": open_settings})


def line_for(caller: Caller, line: HistoryLine) -> HistoryLine:
    """The line of a link's history as this caller sees it: by whom is each account's own."""
    seen = line if caller.account == line.who else line.model_copy(update={"by": None})
    if caller.kind != "shop":
        return seen
    changes = {name: change for name, change in seen.changes.items() if not name.endswith(HIDDEN)}
    return seen.model_copy(update={"changes": changes})

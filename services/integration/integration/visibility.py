"""What each side sees of a link: a webhook URL, which may hold a token, is its 3PL's own."""

from integration.history import HistoryLine
from shared.contracts.identifiers import AccountKind
from shared.contracts.links import Link

HIDDEN = "webhook_url"


def link_for(kind: AccountKind, link: Link) -> Link:
    """The link as an account of this kind sees it."""
    if kind != "shop":
        return link
    settings = link.settings.model_copy(update={HIDDEN: None})
    open_settings = {name: each for name, each in link.open_settings.items() if name != HIDDEN}
    return link.model_copy(update={"settings": settings, "open_settings": open_settings})


def line_for(kind: AccountKind, line: HistoryLine) -> HistoryLine:
    """The line of a link's history as an account of this kind sees it."""
    if kind != "shop":
        return line
    changes = {name: change for name, change in line.changes.items() if not name.endswith(HIDDEN)}
    return line.model_copy(update={"changes": changes})

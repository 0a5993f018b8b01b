"""A request came: endpoints and deliveries are read, what signs is revealed, replaced, chosen."""

from shared.contracts.callers import Caller
from shared.errors import not_found


def may_look(who: Caller, what: str) -> None:
    """Raises the 403 problem without the scope `read`, and 404 for a shop: webhooks are its 3PLs' own."""
    who.require("read")
    if who.kind == "shop":
        raise not_found(what)

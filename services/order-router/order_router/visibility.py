"""What each caller sees of an order: a 3PL nothing of the shop's other links, nobody another's own: pure."""

from order_router.orders import Actor, StoredOrder
from order_router.routing import Decision
from shared.contracts.callers import Caller
from shared.contracts.links import Settings

NOT_CHOSEN = "the router did not choose this link; the shop did, later"


def sees(caller: Caller, order: StoredOrder) -> bool:
    """Whether the order, which is up to its link, is the caller's to see."""
    if not may_see_of(caller, order.shop_id):
        return False
    return caller.kind != "threepl" or (
        order.holding is not None and order.holding.threepl_id == caller.account
    )


def may_see_of(caller: Caller, shop_id: str) -> bool:
    """Whether any of the shop's orders can be the caller's to see."""
    if caller.kind == "shop":
        return shop_id == caller.account
    return caller.clients is None or shop_id in caller.clients


def settings_for(caller: Caller, settings: Settings) -> Settings:
    """The settings as this caller sees them: a webhook URL, which may hold a token, is its 3PL's own."""
    return settings.model_copy(update={"webhook_url": None}) if caller.kind == "shop" else settings


def link_seen_by(caller: Caller, order: StoredOrder) -> str | None:
    """The only link that the caller knows of the order's, its own; None: all."""
    return order.holding.link_id if caller.kind == "threepl" and order.holding else None


def decision_for(caller: Caller, order: StoredOrder) -> Decision | None:
    """The decision as this caller sees it: if its own link wasn't chosen, another may be the reason."""
    own, decision = link_seen_by(caller, order), order.decision
    if decision is None or own is None:
        return decision
    verdicts = tuple(verdict for verdict in decision.verdicts if verdict.link_id == own)
    if decision.link_id == own:
        return decision.model_copy(update={"verdicts": verdicts})
    passed_over = tuple(verdict.model_copy(update={"reason": NOT_CHOSEN}) for verdict in verdicts)
    return Decision(link_id=None, verdicts=passed_over, reason=NOT_CHOSEN)


def subject_for(caller: Caller, actor: Actor) -> str | None:
    """Which person or API key acted is for its own account and operators."""
    return actor.subject if caller.kind == "operator" or caller.account == actor.account else None

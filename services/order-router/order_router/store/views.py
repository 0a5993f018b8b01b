"""Orders as they are seen: an open order whose link has moved on is the shop's at once (DESIGN 4.5)."""

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.lifecycle import Holding, StoredOrder, bring_up
from order_router.routing import Decision
from shared.contracts.callers import Caller
from shared.contracts.links import Link, Settings
from shared.pages import Place

_HELD = "(orders.link_id IS NOT NULL AND NOT (orders.stage = 'open' AND orders.epoch < links.epoch))"
_VISIBLE = f"""
    (:kind = 'operator' OR (:kind = 'shop' AND orders.shop_id = :account)
     OR (:kind = 'threepl' AND orders.threepl_id = :account AND {_HELD}
         AND (CAST(:clients AS text[]) IS NULL OR orders.shop_id = ANY(:clients))))
"""
_FROM = """
    orders.shop_id, orders.order_id, orders.number, orders.stage, orders.link_id, orders.threepl_id,
    orders.epoch, orders.settings, orders.settings_version, orders.sequence, orders.created_at,
    orders.decision, links.state
    FROM orders LEFT JOIN links ON links.id = orders.link_id
"""


def _page_of(own: str) -> str:
    return f"""
        SELECT {_FROM} WHERE {own} AND {_VISIBLE}
            AND (orders.created_at, orders.shop_id, orders.order_id) < (:created_at, :shop_id, :order_id)
        ORDER BY orders.created_at DESC, orders.shop_id DESC, orders.order_id DESC LIMIT :limit
    """


_PAGES = {
    "operator": text(_page_of("true")),
    "shop": text(_page_of("orders.shop_id = :account")),
    "threepl": text(_page_of("orders.threepl_id = :account")),
}
_ONE = text(
    f"SELECT orders.document, {_FROM} WHERE {_VISIBLE}"
    " AND orders.shop_id = :shop_id AND orders.order_id = :order_id"
)


async def page(connection: AsyncConnection, who: Caller, before: Place, limit: int) -> list[dict[str, Any]]:
    """The orders the caller may see that came before a place, the newest first."""
    shop_id, _, order_id = before.id.partition("/")
    place = {"created_at": before.at, "shop_id": shop_id, "order_id": order_id, "limit": limit}
    rows = await connection.execute(_PAGES[who.kind], {**_who(who), **place})
    return [_seen(row, who) for row in rows]


async def one(connection: AsyncConnection, who: Caller, shop_id: str, order_id: str) -> dict[str, Any] | None:
    """One order with its document and decision, if the caller may see it."""
    row = (
        await connection.execute(_ONE, {**_who(who), "shop_id": shop_id, "order_id": order_id})
    ).one_or_none()
    if row is None:
        return None
    return {**_seen(row, who), "order": json.loads(row.document), "decision": _decision(row, who)}


def _decision(row: Any, who: Caller) -> Decision | None:
    """The decision as stored; a 3PL sees nothing of the shop's other links in it."""
    if row.decision is None:
        return None
    decision = Decision.model_validate_json(row.decision)
    if who.kind != "threepl":
        return decision
    own = tuple(verdict for verdict in decision.verdicts if verdict.link_id == row.link_id)
    return decision.model_copy(update={"verdicts": own})


def _who(who: Caller) -> dict[str, Any]:
    clients = None if who.clients is None else sorted(who.clients)
    return {"kind": who.kind, "account": who.account, "clients": clients}


def _seen(row: Any, who: Caller) -> dict[str, Any]:
    """The order as it is once it has followed its link, whether or not that is written already."""
    holding = _holding(row)
    return {
        "shop_id": row.shop_id,
        "order_id": row.order_id,
        "number": row.number,
        "stage": row.stage,
        "holder": "threepl" if holding else "shop",
        "threepl_id": holding.threepl_id if holding else None,
        "link_id": holding.link_id if holding else None,
        "settings": _settings(holding.settings, who) if holding else None,
        "sequence": row.sequence,
        "created_at": row.created_at,
    }


def _settings(settings: Settings, who: Caller) -> Settings:
    """A webhook URL, which may hold a token, is its 3PL's own."""
    return settings.model_copy(update={"webhook_url": None}) if who.kind == "shop" else settings


def _holding(row: Any) -> Holding | None:
    if row.link_id is None:
        return None
    settings = Settings.model_validate_json(row.settings)
    holding = Holding(row.link_id, row.threepl_id, row.epoch, settings, row.settings_version)
    order = StoredOrder(row.shop_id, row.order_id, stage=row.stage, holding=holding, document="")
    return bring_up(order, Link.model_validate_json(row.state)).order.holding if row.state else holding

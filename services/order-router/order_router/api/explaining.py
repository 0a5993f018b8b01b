"""Why an order went where it went."""

from fastapi import APIRouter

from order_router.api.orders import FOUND, ORDER, theirs
from order_router.api.parts import GivenCaller, GivenParts
from order_router.explanations import Explanation, explain
from order_router.store import history_pages
from shared.problems import EVERYWHERE

router = APIRouter(prefix="/explain", tags=["decisions"], responses=EVERYWHERE)


@router.get(ORDER, summary="Explain why an order went where it went", responses=FOUND)
async def explain_order(shop_id: str, order_id: str, caller: GivenCaller, parts: GivenParts) -> Explanation:
    """Tells the router's decision with each link that it considered; a 3PL sees only its own."""
    caller.require("read")
    async with parts.database.transaction() as connection:
        found = await theirs(connection, caller, (shop_id, order_id))
        routed_at = await history_pages.routed_at(connection, (shop_id, order_id))
    return explain(caller, found.order, routed_at)

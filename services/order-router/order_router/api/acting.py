"""The five moves of a request that acts on orders: claim, load, decide, save, announce."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.acts import Act, Assign, perform
from order_router.announcements import log_outcomes
from order_router.api.parts import Parts
from order_router.lifecycle import Shops, bring_up, link_of
from order_router.orders import Actor, Outcome, StoredOrder
from order_router.recording import record, utc_day
from order_router.routing import limited
from order_router.store import link_days
from order_router.store import links as link_store
from order_router.store import orders as order_store
from order_router.store.orders import Key
from order_router.visibility import may_see_of, sees
from shared.contracts.callers import Caller
from shared.contracts.links import Link
from shared.errors import Problem, forbidden, not_found

Acts = Mapping[Key, Act]
Done = dict[Key, StoredOrder | Problem]


async def act_on(parts: Parts, caller: Caller, acts: Acts) -> Done:
    """How each order stands after the act on it, or why that was refused.

    Raises `Problem` 403 for who may not act at all.
    """
    _require(caller, acts.values())
    now = datetime.now(UTC)
    async with parts.database.transaction() as connection:
        wanted = [key for key in acts if may_see_of(caller, key[0])]
        orders = await order_store.claim_existing(connection, wanted)
        shops = await link_store.of_shops(connection, sorted({shop_id for shop_id, _ in orders}))
        await _hold_counts(connection, shops, acts.values(), now)
        up = {key: bring_up(order, link_of(order, shops), now) for key, order in orders.items()}
        tried = {
            key: _tried(up.get(key), act, shops.get(key[0], {}), now, caller) for key, act in acts.items()
        }
        # An act that was refused leaves what its order had to follow anyway.
        decided = up | {key: done for key, done in tried.items() if isinstance(done, Outcome)}
        outcomes = await record(connection, orders, decided.values(), parts.assignments_topic, now)
    log_outcomes(outcomes)
    parts.announce()
    return {key: done.order if isinstance(done, Outcome) else done for key, done in tried.items()}


def _require(caller: Caller, acts: Iterable[Act]) -> None:
    caller.require("write", "administrator", "manager", "warehouse")
    if any(act.side != caller.kind for act in acts):
        side = "the shop" if caller.kind == "threepl" else "the 3PL that holds the order"
        raise forbidden(f"This act is for {side}.")


async def _hold_counts(connection: AsyncConnection, shops: Shops, acts: Iterable[Act], now: datetime) -> None:
    """An assignment counts though no limit caps it, and who counts holds the limited links' counts first."""
    if any(isinstance(act, Assign) for act in acts):
        await link_days.hold(connection, limited(shops.values()), utc_day(now))


def _tried(
    before: Outcome | None, act: Act, links: Mapping[str, Link], now: datetime, caller: Caller
) -> Outcome | Problem:
    if before is None or not sees(caller, before.order):
        return not_found("order")
    actor = Actor(caller.account, caller.subject)
    try:
        return before.then(partial(perform, act=act, links=links, now=now, actor=actor))
    except Problem as problem:
        return problem

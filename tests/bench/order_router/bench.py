"""The measures of the order-router: each starts processes of its own and stops them."""

from collections.abc import Sequence

from deploy.local.jars import Say
from tests.bench.aims import Aim, Measure
from tests.bench.order_router import cost, links, routing, stored
from tests.bench.order_router.router import Router
from tests.bench.stage import Servers

LINKS, FEW_LINKS, MANY_LINKS = 2000, 10, 100_000
ORDERS, MANY_ORDERS, MANY_ORDERS_LONG = 10_000, 1_000_000, 10_000_000
LINKS_AIM, ORDERS_AIM, MEMORY_AIM = Aim("at most", 1.1), Aim("at most", 1.2), Aim("at most", 1)
MOST_MEMORY = 200  # MiB


async def bench(servers: Servers, say: Say, long: bool) -> list[Measure]:
    """All of them; `long` stores ten times as many orders."""
    say("Routing orders …")
    one = await _make(servers, "one")
    routed = await routing.measure(servers, one, links.shops_of(links.make(LINKS)))
    say(f"Routing orders with {FEW_LINKS} links and with {MANY_LINKS:,} …")
    linked = [await _make(servers, f"links-{wanted}", linked=wanted) for wanted in (MANY_LINKS, FEW_LINKS)]
    words = f"{MANY_LINKS:,} links", f"with {FEW_LINKS}"
    by_links = await cost.measure(servers, linked, links.shops_of(links.make(FEW_LINKS)), words, LINKS_AIM)
    most = MANY_ORDERS_LONG if long else MANY_ORDERS
    say(f"Routing orders beside {ORDERS:,} stored and beside {most:,} …")
    filled = [await _make(servers, f"orders-{wanted}", orders=wanted) for wanted in (most, ORDERS)]
    words = f"{most:,} orders stored", f"with {ORDERS:,}"
    by_orders = await cost.measure(servers, filled, links.shops_of(links.make(LINKS)), words, ORDERS_AIM)
    return [routed, *by_links, *by_orders, _memory([one, *linked, *filled])]


async def _make(servers: Servers, place: str, linked: int = LINKS, orders: int = ORDERS) -> Router:
    """A router, not started, with so many links and orders in its database."""
    router = Router(servers, place)
    await links.store(router.database_url, links.make(linked))
    await stored.fill(router.database_url, orders)
    return router


def _memory(routers: Sequence[Router]) -> Measure:
    """The most that any of the processes was seen to hold; nothing is measured beside it."""
    most = max(router.peak for router in routers) / 2**20
    return Measure("memory, at its highest", f"{MOST_MEMORY} MiB", "MiB", [(most, MOST_MEMORY)], MEMORY_AIM)

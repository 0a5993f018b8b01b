"""A link's change waits for who decides by the link now, and for nobody who comes after it."""

import asyncio

from order_router.store import links
from shared.database import Database, asyncpg_url
from tests.builders import SHOP, link
from tests.conftest import MakeDatabase
from tests.harness import until

DECIDING = 8  # transactions that hold the shop's links nearly all of the time
HELD = 0.05


async def test_a_busy_shop_does_not_keep_its_links_from_changing(make_database: MakeDatabase) -> None:
    database = Database(asyncpg_url(make_database("order_router")))
    decided, busy = 0, True

    async def decide() -> None:
        nonlocal decided
        while busy:
            async with database.transaction() as connection:
                await links.of_shops(connection, [SHOP])
                await asyncio.sleep(HELD)
            decided += 1

    async def change(version: int) -> None:
        async with database.transaction() as connection:
            await links.apply(connection, [link(version=version)])

    async def is_busy() -> bool:
        return decided > 0

    await change(1)
    deciding = [asyncio.create_task(decide()) for _ in range(DECIDING)]
    for version in range(2, 7):
        await until("they decide", is_busy)
        decided = 0
        await change(version)
        # Those that had begun before it, and the first after it.
        assert decided <= 4 * DECIDING
    busy = False
    await asyncio.gather(*deciding)
    await database.close()

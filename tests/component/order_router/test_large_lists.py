"""Lists of very many orders: a page reads no more than it shows, a search goes on where it ended."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from order_router.store.order_lists import LOOKED
from tests.builders import NOW, SHOP, THREEPL, account_id, link
from tests.component.order_router.reading import OPERATOR, Reading, arrived, reading
from tests.conftest import MakeDatabase, fresh_databases
from tests.harness import until
from tests.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANY = LOOKED + 25_000
SHOPS = [account_id("shop", number) for number in range(1, 21)]
LIMIT = 20
# Of each of the seven stages a page and one more; then the page's orders with their links.
MOST_ROWS = 7 * (LIMIT + 1) + 3 * (LIMIT + 1)
MULTIPLY = """
    INSERT INTO orders (shop_id, order_id, version, topic, partition, "offset", document, number, stage,
        routable, routed, link_id, threepl_id, epoch, settings, settings_version, sequence, created_at,
        search)
    SELECT shops.id, 'n' || n, version, topic, partition, "offset", document, number,
        CASE WHEN n < 20000 THEN (ARRAY['open', 'picking', 'cancelled'])[1 + n / 20 % 3] ELSE 'delivered' END,
        routable, routed,
        'link of ' || shops.id, threepl_id, epoch, settings, settings_version, sequence,
        created_at - n * interval '1 second', 'n' || n
    FROM orders, generate_series(1, :many) AS n
    JOIN unnest(CAST(:shops AS text[])) WITH ORDINALITY AS shops (id, place) ON place = 1 + n % 20
    WHERE order_id = 'first'
"""
OTHERS = text(
    """
    SELECT count(*) FROM pg_stat_activity, pg_stat_force_next_flush()
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    """
)
READ = text(
    """
    SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = 'orders') AS scanned,
        (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname IN ('orders', 'links')) AS found
    """
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(servers: Servers, template: MakeDatabase) -> AsyncIterator[Reading]:
    with fresh_databases(servers, template) as make_database:
        async with reading(make_database) as made:
            links = [link(id=f"link of {shop_id}", shop_id=shop_id) for shop_id in SHOPS]
            await made.link(*links)
            await made.lay(arrived("first", links[0]), at=NOW)
            await made.execute(MULTIPLY, many=MANY, shops=SHOPS)
            await made.execute("ANALYZE orders")
            yield made


async def rows_read(api: Reading) -> tuple[int, int]:
    """How many rows were read so far, by scans of the whole table and by index, once everybody has told."""
    await api.app.state.parts.database.close()

    async def told() -> bool:
        async with api.database.transaction() as connection:
            return not (await connection.execute(OTHERS)).scalar_one()

    await until("the API's connections are closed", told)
    async with api.database.transaction() as connection:
        row = (await connection.execute(READ)).one()
    return int(row.scanned), int(row.found)


@pytest.mark.parametrize(
    ("who", "query"),
    [
        (THREEPL, {}),
        (THREEPL, {"stage": "delivered"}),
        (THREEPL, {"stage": ["open", "cancelled"]}),
        (THREEPL, {"shop_id": SHOPS[10]}),
        (THREEPL, {"link_id": f"link of {SHOPS[10]}"}),
        (SHOP, {}),
        (SHOP, {"stage": "picking"}),
        (SHOP, {"holder": "threepl"}),
        (OPERATOR, {}),
        (OPERATOR, {"stage": "delivered"}),
        (OPERATOR, {"shop_id": SHOPS[10]}),
    ],
)
async def test_a_page_reads_no_more_than_it_shows(api: Reading, who: str, query: dict[str, Any]) -> None:
    first = await api.get("/orders", who, None, limit=LIMIT, **query)
    before = await rows_read(api)
    page = await api.get("/orders", who, None, limit=LIMIT, cursor=first["next_cursor"], **query)
    scanned, found = await rows_read(api)
    assert (len(page["orders"]), scanned - before[0]) == (LIMIT, 0)
    assert found - before[1] <= MOST_ROWS


async def test_a_search_that_has_looked_at_many_orders_goes_on_at_the_next_page(api: Reading) -> None:
    oldest = f"n{MANY}"
    first = await api.get("/orders", THREEPL, text=oldest)
    assert (first["orders"], first["next_cursor"] is None) == ([], False)
    for text_, found in ((oldest, [oldest]), ("n1999", [f"n1999{n}" for n in range(10)] + ["n1999"])):
        listed = await api.all_pages(THREEPL, 5, None, text=text_)
        assert sorted(order["order_id"] for order in listed) == sorted(found)

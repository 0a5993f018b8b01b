"""Orders of the past year, put straight into the router's database by SQL."""

import json
import random

import asyncpg

from tests.bench.order_router import orders

# Only what the indexes hold and what an order weighs; the other columns have their defaults. Of fifty orders
# one is still open.
_FILL = """
    INSERT INTO orders (shop_id, order_id, number, document, stage, routed, link_id, threepl_id, epoch,
                        settings_version, sequence, created_at)
    SELECT shop_id, 'past-' || number, '#' || number, replace($2, '@', number::text),
           CASE WHEN number % 50 = 0 THEN 'open' ELSE 'delivered' END, true,
           id, threepl_id, epoch, version, 1, now() - interval '365 days' * (1 - number / $1::float)
    FROM generate_series(1, $1::bigint) AS number
        JOIN (SELECT id, shop_id, epoch, version, state::jsonb ->> 'threepl_id' AS threepl_id,
                     row_number() OVER (ORDER BY md5(id)) - 1 AS place FROM links)
            AS link ON place = number % $3
"""


async def fill(database_url: str, wanted: int) -> None:
    """Stores so many orders, evenly under all links, oldest first.

    The planner is told of them, and they are on disk: nothing of it is left to do when something is measured.
    """
    document = json.dumps(orders.document(random.Random(1), "@", "2026-01-01T00:00:00Z"))
    connection = await asyncpg.connect(database_url)
    links = await connection.fetchval("SELECT count(*) FROM links")
    await connection.execute(_FILL, wanted, document, links)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.execute("CHECKPOINT")
    await connection.close()

"""Lists of very many deliveries: a page reads no more than it must, a search goes on where it ended."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from tests.builders import SHOP, THREEPL, account_id
from tests.component.webhook_dispatcher.laid import (
    NOW,
    OPERATOR,
    OTHER_SHOP,
    OTHER_THREEPL,
    Laid,
    LaidDelivery,
    LaidLink,
    laying,
)
from tests.conftest import MakeDatabase, fresh_databases
from tests.harness import until
from tests.servers import Servers
from webhook_dispatcher.store.delivery_walks import FEW, LOOKED

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANY = 3 * LOOKED  # in the queue, and in the log
EVERY = MANY // (FEW + 500)
LIMIT = 50
# Of each day of the log one row more is looked at; then come the endpoints of what is shown.
MARGIN = 300
ALONG = 4 * LIMIT + MARGIN
OF_FEW = 2 * FEW + MARGIN
PASSING = 4 * LOOKED + OF_FEW
BUSY = LaidLink("busy")
DEAD = LaidLink("dead", OTHER_SHOP)
QUIET = LaidLink("quiet", account_id("shop", 3))
ELSEWHERE = LaidLink("elsewhere", account_id("shop", 4), OTHER_THREEPL)
# Most deliveries wait for one link and are finished for another; every so many is of a third, which has more
# than few, and every thousandth of a fourth, of another 3PL.
MULTIPLY = """
    INSERT INTO {table} (id, webhook_id, endpoint_id, link_id, threepl_id, shop_id, order_id, sequence, type,
                         event_time, day, settings_version, body, attempts, failures, created_at, {own})
    {overriding}
    SELECT {id}, 'msg_' || {id}, named.endpoint_id, links.id, threepl_id, shop_id,
           CASE WHEN n % 5003 > 0 THEN (n % 1000)::text END, 1,
           CASE WHEN n % 5003 > 0 THEN 'order.updated' ELSE 'webhook.test' END, at,
           (at AT TIME ZONE 'UTC')::date, 1, 'body', 0, 0, at, {values}
    FROM generate_series(1, CAST(:many AS integer)) AS n
    CROSS JOIN LATERAL (
        SELECT CAST(:now AS timestamptz) - (CAST(:many AS integer) - n) * interval '1 second' AS at
    ) AS told
    JOIN unnest(CAST(:ids AS text[]), CAST(:endpoint_ids AS text[])) WITH ORDINALITY
        AS named (id, endpoint_id, place)
        ON place = CASE WHEN n % 1000 = 0 THEN 3 WHEN n % CAST(:every AS integer) = 0 THEN 2 ELSE 1 END
    JOIN links ON links.id = named.id
"""
# What waits is newer by and large: so one half of a page looks back further than the other.
QUEUE = {
    "table": "deliveries",
    "overriding": "OVERRIDING SYSTEM VALUE",
    "id": "(4 * CAST(:many AS integer) + 2 * n)",
    "own": "behind",
    "values": "false",
}
ENDED = "CASE WHEN n % 1009 = 0 THEN 'withdrawn' WHEN n % 11 = 0 THEN 'refused' ELSE 'delivered' END"
LOG = {
    "table": "finished",
    "overriding": "",
    "id": "(6 * n + 1)",
    "own": "status, finished_at",
    "values": f"{ENDED}, at",
}
OTHERS = text(
    """
    SELECT count(*), pg_stat_force_next_flush() FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    """
)
READ = text(
    """
    SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables) + (SELECT sum(idx_tup_read)
            FROM pg_stat_user_indexes)
    """
)
EVERYTHING = """
    SELECT webhook_id FROM (
        SELECT id, webhook_id, threepl_id, link_id, shop_id, type, event_time, 'waiting' AS status
        FROM deliveries
        UNION ALL SELECT id, webhook_id, threepl_id, link_id, shop_id, type, event_time, status FROM finished
    ) AS everything WHERE {condition} ORDER BY id DESC
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(servers: Servers, template: MakeDatabase) -> AsyncIterator[Laid]:
    with fresh_databases(servers, template) as make_database:
        async with laying(make_database) as made:
            await made.link(BUSY, DEAD, QUIET, ELSEWHERE)
            for half, most in ((QUEUE, DEAD), (LOG, BUSY)):
                links = (most, QUIET, ELSEWHERE)
                await made.execute(
                    MULTIPLY.format(**half),
                    many=MANY,
                    every=EVERY,
                    now=NOW,
                    ids=[each.id for each in links],
                    endpoint_ids=[each.endpoint_id for each in links],
                )
            await made.lay(LaidDelivery(7 * MANY, BUSY), LaidDelivery(7 * MANY + 1, DEAD, "refused"))
            await made.execute("ANALYZE deliveries, finished")
            yield made


async def rows_read(api: Laid) -> int:
    """How many rows were read so far, once everybody has told."""
    await api.app.state.parts.database.close()

    async def told() -> bool:
        async with api.database.transaction() as connection:
            return not (await connection.execute(OTHERS)).scalar_one()

    await until("the API's connections are closed", told)
    async with api.database.transaction() as connection:
        return int((await connection.execute(READ)).scalar_one())


@pytest.mark.parametrize(
    ("who", "query", "most"),
    [
        (THREEPL, {}, ALONG),
        (THREEPL, {"status": "waiting"}, ALONG),
        (THREEPL, {"status": ["refused", "exhausted", "withdrawn"]}, ALONG),
        (OPERATOR, {}, ALONG),
        (OTHER_THREEPL, {}, ALONG),
        (OTHER_THREEPL, {"link_id": ELSEWHERE.id}, OF_FEW),
        (THREEPL, {"shop_id": SHOP, "order_id": "7"}, OF_FEW),
        (OPERATOR, {"shop_id": OTHER_SHOP, "order_id": "7"}, OF_FEW),
        (THREEPL, {"link_id": QUIET.id}, PASSING),
        (THREEPL, {"endpoint_id": BUSY.endpoint_id}, PASSING),
        (THREEPL, {"shop_id": OTHER_SHOP}, PASSING),
        (THREEPL, {"order_id": "7"}, PASSING),
        (THREEPL, {"status": "withdrawn"}, PASSING),
        (THREEPL, {"type": "webhook.test"}, PASSING),
        (THREEPL, {"until": NOW.isoformat()}, PASSING),
        (OPERATOR, {"status": ["withdrawn", "waiting"]}, PASSING),
    ],
)
async def test_a_page_reads_no_more_than_it_must(
    api: Laid, who: str, query: dict[str, Any], most: int
) -> None:
    before = await rows_read(api)
    first = await api.get("/deliveries", who, limit=LIMIT, **query)
    between = await rows_read(api)
    await api.get("/deliveries", who, limit=LIMIT, cursor=first["next_cursor"], **query)
    after = await rows_read(api)
    assert max(between - before, after - between) <= most


@pytest.mark.parametrize(
    ("query", "condition", "is_cut"),
    [
        ({"link_id": QUIET.id}, f"link_id = '{QUIET.id}'", False),
        ({"link_id": QUIET.id, "status": "refused"}, f"link_id = '{QUIET.id}' AND status = 'refused'", False),
        ({"type": "webhook.test"}, "type = 'webhook.test'", True),
        ({"status": ["withdrawn"]}, "status = 'withdrawn'", False),
        ({"since": NOW.isoformat()}, f"event_time >= '{NOW.isoformat()}'", True),
        (
            {"shop_id": OTHER_SHOP, "type": "webhook.test"},
            f"shop_id = '{OTHER_SHOP}' AND type = 'webhook.test'",
            True,
        ),
    ],
    ids=["link", "link and status", "type", "status", "since", "shop and type"],  # the same in each process
)
async def test_a_search_that_has_passed_over_many_goes_on_at_the_next_page(
    api: Laid, query: dict[str, Any], condition: str, is_cut: bool
) -> None:
    pages = await api.all_pages(**query)
    rows = await api.rows(EVERYTHING.format(condition=f"threepl_id = '{THREEPL}' AND {condition}"))
    assert [id_ for page in pages for id_ in page] == [row.webhook_id for row in rows]
    assert any(len(page) < 200 for page in pages[:-1]) is is_cut


async def test_a_token_for_some_shops_passes_over_the_others(api: Laid) -> None:
    pages = await api.all_pages(claims={"clients": {QUIET.shop_id}})
    rows = await api.rows(EVERYTHING.format(condition=f"shop_id = '{QUIET.shop_id}'"))
    assert [id_ for page in pages for id_ in page] == [row.webhook_id for row in rows]

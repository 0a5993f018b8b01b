"""Links found by words among hundreds: the pages that a plain search finds, wherever in the list they lie."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.accounts import Account
from integration.links import OwnLink
from integration.store import accounts, link_lists, links
from integration.store.link_lists import PROBED, Filter
from shared.contracts.callers import Caller
from shared.contracts.links import Settings
from shared.database import Database, asyncpg_url
from shared.pages import START, Place
from tests.builders import NOW, account, account_id, own_link
from tests.conftest import MakeDatabase

MANY = 6 * PROBED
THREEPLS = [
    account("threepl", id=account_id("threepl", number), email=f"{number}@t.example") for number in (1, 2)
]
PLAIN = text(
    """
    SELECT id FROM links
    WHERE threepl_id = :account AND (CAST(:clients AS text[]) IS NULL OR shop_id = ANY(:clients))
      AND (CAST(:status AS text) IS NULL OR status = :status) AND search @@ to_tsquery('simple', :text)
    ORDER BY created_at DESC, id DESC
    """
)


def shop(number: int) -> Account:
    """Every shop is a teapot's; one in ten is blue, the oldest few are rosewood's, the newest is a lily's."""
    words = [
        "Teapot",
        *["Blue"] * (number % 10 == 0),
        *["Rosewood"] * (number < 5),
        *["Lily"] * (number == MANY - 1),
    ]
    return account(
        id=account_id("shop", number), email=f"{number}@s.example", name=f"{' '.join(words)} {number}"
    )


@pytest.fixture
async def connection(make_database: MakeDatabase) -> AsyncIterator[AsyncConnection]:
    """Hundreds of links of one 3PL, two at each moment, and some of another with the same shops."""
    database = Database(asyncpg_url(make_database("integration")))
    async with database.transaction() as opened:
        for threepl in THREEPLS:
            await accounts.add(opened, threepl)
        for number in range(MANY):
            made = shop(number)
            await accounts.add(opened, made)
            for threepl in THREEPLS[: 2 if number % 3 == 0 else 1]:
                await links.add(opened, link_of(made, threepl, number))
        yield opened
    await database.close()


def link_of(of: Account, threepl: Account, number: int) -> OwnLink:
    return own_link(
        id=f"{threepl.id}-{number}",
        shop_id=of.id,
        shop_name=of.name,
        threepl_id=threepl.id,
        threepl_name=threepl.name,
        status="inactive" if number % 7 == 0 else "active",
        settings=Settings(client_reference=f"ref{number % 50}"),
        created_at=NOW + timedelta(seconds=number // 2),
    )


async def paged(connection: AsyncConnection, caller: Caller, wanted: Filter, limit: int) -> list[str]:
    """The ids of all pages, one after the other."""
    ids, before = list[str](), START
    while True:
        page = await link_lists.page(connection, caller, wanted, before, limit)
        ids += [link.id for link in page]
        if len(page) < limit:
            return ids
        before = Place(page[-1].created_at, page[-1].id)


@pytest.mark.parametrize("limit", [3, 51, 201])
async def test_a_search_finds_page_by_page_what_a_plain_one_finds(
    connection: AsyncConnection, limit: int
) -> None:
    some = frozenset(account_id("shop", number) for number in range(0, MANY, 4))
    found = 0
    for clients in (None, some):
        caller = Caller(account=THREEPLS[0].id, kind="threepl", subject="key_1", clients=clients)
        for words in ("teapot", "blue", "rosewood", "lily", "tea blu", "ref7", "rose ref1", "nothing", "2"):
            for status in (None, "inactive"):
                query = link_lists.text_query(words, links.WEIGHTS["threepl"])
                plain = await connection.execute(
                    PLAIN, {**links.whose(caller), "status": status, "text": query}
                )
                wanted = [row.id for row in plain]
                filters = Filter("inactive" if status else None, None, words)
                assert await paged(connection, caller, filters, limit) == wanted, (words, status, clients)
                found += len(wanted)
    assert found > MANY

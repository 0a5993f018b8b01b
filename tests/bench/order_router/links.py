"""The links of a bench, put straight into the router's database: one to three active ones a shop."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from order_router.store import links as link_store
from shared.contracts.links import Link
from shared.database import Database, asyncpg_url
from tests.bench.ids import account_ids

THREEPLS = 50
CHUNK = 5000
_AT = datetime(2026, 1, 1, tzinfo=UTC)
# A shop's first link takes every order that the others leave, so that each is assigned.
_RULES: Sequence[dict[str, Any]] = (
    {"priority": 2},
    {"rules": [{"conditions": [{"field": "delivery_country", "operator": "in", "value": ["AT", "CH"]}]}]},
    {
        "polarity": "dont_send",
        "rules": [
            {"conditions": [{"field": "product_tag", "operator": "in", "value": ["breakable"]}]},
            {"conditions": [{"field": "total", "operator": "at_least", "value": "60.00"}]},
        ],
    },
)


def make(wanted: int) -> list[Link]:
    """So many links; of more links the first are the same."""
    return list(itertools.islice(_links(), wanted))


def shops_of(links: Sequence[Link]) -> list[str]:
    """Whose links they are, each shop once."""
    return list(dict.fromkeys(str(link.shop_id) for link in links))


async def store(database_url: str, links: Sequence[Link]) -> None:
    """Puts links into the router's table, as the service itself does when they come."""
    database = Database(asyncpg_url(database_url))
    for first in range(0, len(links), CHUNK):
        async with database.transaction() as connection:
            await link_store.apply(connection, links[first : first + CHUNK])
    await database.close()


def _links() -> Iterator[Link]:
    threepls = list(itertools.islice(account_ids("threepl"), THREEPLS))
    numbers = itertools.count()
    for place, shop in enumerate(account_ids("shop")):
        for rules in _RULES[: place % len(_RULES) + 1]:
            number = next(numbers)
            yield _link(number, shop, threepls[number % THREEPLS], rules)


def _link(number: int, shop: str, threepl: str, rules: dict[str, Any]) -> Link:
    at = _AT + timedelta(seconds=number)
    settings = {"client_reference": f"C{number}", "webhook_url": f"https://orders.example.com/{number}"}
    return Link.model_validate(
        {
            "id": f"01980000-0000-7000-8000-{number:012}",
            "shop_id": shop,
            "threepl_id": threepl,
            "started_by": "shop",
            "shop_on": True,
            "threepl_on": True,
            "status": "active",
            "version": 2,
            "epoch": 0,
            "settings": settings,
            "rules": rules,
            "created_at": at,
            "changed_at": at,
        }
    )

"""The links of a bench, made straight by SQL: most 3PLs have few, one has very many; each with a shop."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from tests.bench.ids import account_ids
from tests.bench.integration.bare import TABLE

RARE, COMMON = "rosewood", "teapot"
RULES = {
    "polarity": "send",
    "rules": [
        {"conditions": [{"field": "delivery_country", "operator": "in", "value": ["DE", "AT", "CH"]}]},
        {"conditions": [{"field": "sku", "operator": "prefix", "value": "TEA-"}]},
    ],
    "priority": 1,
    "share": 1,
    "daily_limit": None,
}

_ACCOUNTS = """
    INSERT INTO accounts (id, kind, email, name, plan, language, created_at)
    SELECT id, $3, lower(id) || '@example.com', name, 'conquer', 'en', now() - interval '400 days'
    FROM unnest($1::text[], $2::text[]) AS account (id, name)
"""
# Oldest first, all in a year; the column `search` as store/links.py fills it.
_LINKS = """
    INSERT INTO links (id, shop_id, threepl_id, started_by, shop_on, threepl_on, status, version, epoch,
                       settings, rules, open_settings, created_at, changed_at, search)
    SELECT gen_random_uuid()::text, shop.id, threepl.id, 'shop', status IN ('active', 'pending'),
           status IN ('active', 'inactive'), status, 2, 0,
           jsonb_build_object('shipping_rules_from', 'threepl', 'charge_to', 'threepl',
                              'support_tickets_from', 'shop', 'client_reference', reference,
                              'webhook_url', 'https://orders.example.com/' || reference),
           $4::jsonb, '{}', at, at,
           setweight(to_tsvector('simple', shop.id || ' ' || shop.name), 'A')
               || setweight(to_tsvector('simple', threepl.id || ' ' || threepl.name), 'B')
               || setweight(to_tsvector('simple', reference), 'C')
               || array_to_tsvector(ARRAY[shop.id, threepl.id])
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS link (shop_id, status, number)
        JOIN accounts AS shop ON shop.id = shop_id JOIN accounts AS threepl ON threepl.id = $3,
        LATERAL (SELECT 'C' || number AS reference,
                        now() - interval '365 days' * (1 - number / $5::float) AS at) AS made
    ORDER BY number
"""


@dataclass(frozen=True)
class Crowd:
    """The links that one 3PL has: how many, how many of them are deleted, and how many are named rarely."""

    threepl_id: str
    links: int
    deleted: int = 40
    named_rarely: int = 5


async def populate(connection: asyncpg.Connection, crowds: Sequence[Crowd], bystanders: int) -> None:
    """Makes shops and links, the bare route's copy of the links, and what the planner knows of them.

    Bystanders are 3PLs with 20 links each, none deleted or named rarely.
    """
    ids = list(itertools.islice(account_ids("threepl"), bystanders))
    await connection.execute(_ACCOUNTS, ids, [f"Bystander {each}" for each in ids], "threepl")
    shops = account_ids("shop")
    for crowd in (*crowds, *(Crowd(each, 20, 0, 0) for each in ids)):
        await _populate(connection, crowd, list(itertools.islice(shops, crowd.links)))
    await connection.execute(f"CREATE TABLE {TABLE} AS TABLE links")
    await connection.execute(f"ALTER TABLE {TABLE} ADD PRIMARY KEY (id)")
    await connection.execute("VACUUM (ANALYZE)")


def is_chosen(place: int, chosen: int, of: int) -> bool:
    """Whether this place, from 1, is among `chosen` that lie evenly among all `of`."""
    return place * chosen // of != (place - 1) * chosen // of


async def _populate(connection: asyncpg.Connection, crowd: Crowd, shops: Sequence[str]) -> None:
    places = range(1, crowd.links + 1)
    await connection.execute(_ACCOUNTS, shops, [_name(crowd, place) for place in places], "shop")
    statuses = [_status(crowd, place) for place in places]
    span = float(crowd.links)
    await connection.execute(_LINKS, shops, statuses, crowd.threepl_id, json.dumps(RULES), span)


def _status(crowd: Crowd, place: int) -> str:
    if is_chosen(place, crowd.deleted, crowd.links):
        return "deleted"
    return {0: "inactive", 1: "pending"}.get(place % 30, "active")


def _name(crowd: Crowd, place: int) -> str:
    word = RARE if is_chosen(place, crowd.named_rarely, crowd.links) else COMMON
    return f"{word.title()} & Co {place}"

"""Links in the database."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pydantic_core
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.links import OwnLink, search_texts
from shared.contracts.callers import Caller
from shared.contracts.identifiers import AccountKind
from shared.contracts.links import Side

# In which part of a link a list of each side's looks: A is the shop, B the 3PL, C what both may know.
WEIGHTS: dict[AccountKind, str] = {"shop": "BC", "threepl": "AC", "operator": "ABC"}

# Beside the words both ids as they are, by which the index knows whose link it is.
_SEARCH = """
    setweight(to_tsvector('simple', :shop_text), 'A') || setweight(to_tsvector('simple', :threepl_text), 'B')
        || setweight(to_tsvector('simple', :shared_text), 'C')
        || array_to_tsvector(array_remove(ARRAY[CAST(:shop_id AS text), CAST(:threepl_id AS text)], NULL))
"""
# A pair's live link, if there is one, is answered in place of the new one, held until the transaction ends.
_INSERT = f"""
    INSERT INTO links (id, shop_id, threepl_id, email, started_by, shop_on, threepl_on, status, version,
                       epoch, settings, rules, open_settings, created_at, changed_at, search)
    VALUES (:id, :shop_id, :threepl_id, :email, :started_by, :shop_on, :threepl_on, :status, :version,
            :epoch, CAST(:settings AS jsonb), CAST(:rules AS jsonb), CAST(:open_settings AS jsonb),
            :created_at, :changed_at, {_SEARCH})
"""
_UNLESS_THERE = "WHERE status <> 'deleted'{more} DO UPDATE SET version = links.version RETURNING id"
_ADD = text(f"{_INSERT} ON CONFLICT (shop_id, threepl_id) {_UNLESS_THERE.format(more='')}")
_ADD_INVITED = text(
    f"{_INSERT} ON CONFLICT (coalesce(shop_id, threepl_id), email)"
    f" {_UNLESS_THERE.format(more=' AND email IS NOT NULL')}"
)
_SAVE = text(
    f"""
    UPDATE links SET shop_id = :shop_id, threepl_id = :threepl_id, email = :email, shop_on = :shop_on,
        threepl_on = :threepl_on, status = :status, version = :version, epoch = :epoch,
        settings = CAST(:settings AS jsonb), rules = CAST(:rules AS jsonb),
        open_settings = CAST(:open_settings AS jsonb), changed_at = :changed_at, search = {_SEARCH}
    WHERE id = :id
    """
)
# What a lapse changes, and nothing else.
_SAVE_SWITCHES = text(
    """
    UPDATE links SET shop_on = change.shop_on, threepl_on = change.threepl_on, status = change.status,
        version = change.version, epoch = change.epoch, changed_at = :now
    FROM unnest(CAST(:ids AS text[]), CAST(:shop_ons AS boolean[]), CAST(:threepl_ons AS boolean[]),
                CAST(:statuses AS text[]), CAST(:versions AS integer[]), CAST(:epochs AS integer[]))
        AS change (id, shop_on, threepl_on, status, version, epoch)
    WHERE links.id = change.id
    """
)
_ANY = text("SELECT EXISTS (SELECT FROM links)")

WITH_NAMES = """
    SELECT links.id, shop_id, threepl_id, links.email, started_by, shop_on, threepl_on, status, version,
           epoch, settings, rules, open_settings, links.created_at, changed_at,
           shop.name AS shop_name, threepl.name AS threepl_name
    FROM {links} AS links LEFT JOIN accounts AS shop ON shop.id = shop_id
                          LEFT JOIN accounts AS threepl ON threepl.id = threepl_id
"""
SELECT = WITH_NAMES.format(links="links")
THEIRS: dict[AccountKind, str] = {
    "shop": "shop_id = :account",
    "threepl": "threepl_id = :account AND (CAST(:clients AS text[]) IS NULL OR shop_id = ANY(:clients))",
    "operator": "CAST(:account AS text) IS NOT NULL AND CAST(:clients AS text[]) IS NULL",
}
_FIND = {kind: text(f"{SELECT} WHERE links.id = :id AND {theirs}") for kind, theirs in THEIRS.items()}
_CLAIM = {
    kind: text(f"{SELECT} WHERE links.id = :id AND {theirs} FOR UPDATE OF links")
    for kind, theirs in THEIRS.items()
}
_CLAIM_ANY = text(f"{SELECT} WHERE links.id = :id FOR UPDATE OF links")
_CLAIM_ON: dict[Side, TextClause] = {
    side: text(
        f"{SELECT} WHERE {side}_id = :account AND {side}_on AND status <> 'deleted' AND links.id > :after"
        " ORDER BY links.id LIMIT :limit FOR UPDATE OF links"
    )
    for side in ("shop", "threepl")
}
_LIVE_PAIR = text(
    f"{SELECT} WHERE shop_id = :shop_id AND threepl_id = :threepl_id AND status <> 'deleted'"
    " AND links.id <> :but"
)
LAPSE_STEP = 200


async def add(connection: AsyncConnection, link: OwnLink) -> str:
    """The id of the pair's live link: that of the new one, or of one that was there before."""
    query = _ADD if link.email is None else _ADD_INVITED
    return str((await connection.execute(query, _columns(link))).scalar_one())


async def find(connection: AsyncConnection, caller: Caller, link_id: str) -> OwnLink | None:
    """The link, if the caller may see it: a side its own, an operator every one."""
    return await _one(connection, _FIND[caller.kind], {"id": link_id, **whose(caller)})


async def claim(connection: AsyncConnection, caller: Caller, link_id: str) -> OwnLink | None:
    """Like `find`, and held until the transaction ends."""
    return await _one(connection, _CLAIM[caller.kind], {"id": link_id, **whose(caller)})


async def claim_any(connection: AsyncConnection, link_id: str) -> OwnLink | None:
    """The link, whoever's it is, held until the transaction ends: for who has an invitation's token."""
    return await _one(connection, _CLAIM_ANY, {"id": link_id})


async def live_pair(connection: AsyncConnection, shop_id: str, threepl_id: str, but: str) -> OwnLink | None:
    """The live link of the pair, other than the one named."""
    return await _one(connection, _LIVE_PAIR, {"shop_id": shop_id, "threepl_id": threepl_id, "but": but})


async def claim_switched_on(
    connection: AsyncConnection, side: Side, account_id: str
) -> AsyncIterator[Sequence[OwnLink]]:
    """All links that the side has switched on, by id and 200 at a time, held until the transaction ends."""
    after = ""
    while True:
        values = {"account": account_id, "after": after, "limit": LAPSE_STEP}
        rows = await connection.execute(_CLAIM_ON[side], values)
        found = [OwnLink.model_validate(row) for row in rows.mappings()]
        if found:
            yield found
        if len(found) < LAPSE_STEP:
            return
        after = found[-1].id


async def save(connection: AsyncConnection, link: OwnLink) -> None:
    """Writes what became of a claimed link."""
    await connection.execute(_SAVE, _columns(link))


async def save_switches(connection: AsyncConnection, links: Sequence[OwnLink]) -> None:
    """Writes the switches of claimed links, and what follows from them, in one statement."""
    columns: dict[str, Any] = {
        "ids": [link.id for link in links],
        "shop_ons": [link.shop_on for link in links],
        "threepl_ons": [link.threepl_on for link in links],
        "statuses": [link.status for link in links],
        "versions": [link.version for link in links],
        "epochs": [link.epoch for link in links],
    }
    await connection.execute(_SAVE_SWITCHES, {**columns, "now": links[0].changed_at})


async def is_empty(connection: AsyncConnection) -> bool:
    """Whether there never was a link: deleted ones stay."""
    return not (await connection.execute(_ANY)).scalar_one()


def whose(caller: Caller) -> dict[str, Any]:
    """The parameters of `THEIRS`."""
    return {
        "account": caller.account,
        "clients": None if caller.clients is None else sorted(caller.clients),
    }


async def _one(connection: AsyncConnection, query: TextClause, values: dict[str, Any]) -> OwnLink | None:
    row = (await connection.execute(query, values)).mappings().first()
    return OwnLink.model_validate(row) if row else None


def _columns(link: OwnLink) -> dict[str, Any]:
    parts = {"settings": link.settings, "rules": link.rules, "open_settings": link.open_settings}
    shop, threepl, shared = search_texts(link)
    texts = {"shop_text": shop, "threepl_text": threepl, "shared_text": shared}
    json_parts = {name: pydantic_core.to_json(part).decode() for name, part in parts.items()}
    return {**dict(link), **json_parts, **texts}

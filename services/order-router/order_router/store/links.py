"""The links as the router knows them: only here, and only their latest state."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.lifecycle import open_version
from shared.contracts.links import Link

# A link is settled while none of its open orders lags behind its epoch or its open settings.
_APPLY = text(
    """
    INSERT INTO links (id, shop_id, version, epoch, open_version, state, settled)
    SELECT id, shop_id, version, epoch, open_version, state, true
    FROM unnest(CAST(:ids AS text[]), CAST(:shop_ids AS text[]), CAST(:versions AS bigint[]),
                CAST(:epochs AS bigint[]), CAST(:open_versions AS bigint[]), CAST(:states AS text[]))
        AS link (id, shop_id, version, epoch, open_version, state)
    ORDER BY id
    ON CONFLICT (id) DO UPDATE SET
        shop_id = excluded.shop_id, version = excluded.version, epoch = excluded.epoch,
        open_version = excluded.open_version, state = excluded.state,
        settled = links.settled AND links.epoch = excluded.epoch
            AND links.open_version = excluded.open_version
    WHERE links.version < excluded.version
    """
)
# Who shares a row lets others share it too, past one who waits to change it: of a busy shop a link's change
# might wait for ever. Those who wait for an advisory lock are served in their turn. Of 256 each shop has one.
_TURNS = """
    FROM (SELECT DISTINCT hashtext(shop_id) & 255 AS turn
          FROM unnest(CAST(:shop_ids AS text[])) AS shop (shop_id)
          WHERE shop_id IS NOT NULL ORDER BY turn) AS turns
"""
TURNS = 0x0DD0_0003
_SHARE_TURN = text(f"SELECT count(pg_advisory_xact_lock_shared({TURNS}, turn)) {_TURNS}")
_TAKE_TURN = text(f"SELECT count(pg_advisory_xact_lock({TURNS}, turn)) {_TURNS}")
_OF_SHOPS = text("SELECT state FROM links WHERE shop_id = ANY(:shop_ids) ORDER BY id FOR SHARE")
_ONE = text("SELECT state FROM links WHERE id = :id")
_SOME = text("SELECT state FROM links WHERE id = ANY(:ids) ORDER BY id FOR SHARE")
_UNSETTLED = text("SELECT id FROM links WHERE NOT settled ORDER BY random() LIMIT 1")
_SETTLE = text("UPDATE links SET settled = true WHERE id = :id AND version = :version")


async def apply(connection: AsyncConnection, links: Iterable[Link]) -> None:
    """Takes over the links' latest states, in the order of their ids; an older version changes nothing."""
    latest: dict[str, Link] = {}
    for link in links:
        if link.id not in latest or latest[link.id].version < link.version:
            latest[link.id] = link
    if not latest:
        return
    states = list(latest.values())
    columns = {
        "ids": [link.id for link in states],
        "shop_ids": [link.shop_id for link in states],
        "versions": [link.version for link in states],
        "epochs": [link.epoch for link in states],
        "open_versions": [open_version(link) for link in states],
        "states": [link.model_dump_json() for link in states],
    }
    await connection.execute(_TAKE_TURN, {"shop_ids": columns["shop_ids"]})
    await connection.execute(_APPLY, columns)


# A batch's links are mostly those of the batch before, and a link holds for as long as its text is the same.
_link = lru_cache(maxsize=4096)(Link.model_validate_json)


async def of_shops(connection: AsyncConnection, shop_ids: Sequence[str]) -> dict[str, dict[str, Link]]:
    """Each shop's links by id, held `FOR SHARE` until the transaction ends."""
    await connection.execute(_SHARE_TURN, {"shop_ids": list(shop_ids)})
    found: dict[str, dict[str, Link]] = {shop_id: {} for shop_id in shop_ids}
    for row in await connection.execute(_OF_SHOPS, {"shop_ids": list(shop_ids)}):
        link = _link(row.state)
        found[str(link.shop_id)][link.id] = link
    return found


async def one(connection: AsyncConnection, link_id: str) -> Link:
    """One link as it is now."""
    row = (await connection.execute(_ONE, {"id": link_id})).one()
    return _link(row.state)


async def some(
    connection: AsyncConnection, link_ids: Iterable[str], shop_ids: Iterable[str]
) -> dict[str, Link]:
    """These links of these shops by id, held `FOR SHARE`."""
    await connection.execute(_SHARE_TURN, {"shop_ids": list(shop_ids)})
    rows = await connection.execute(_SOME, {"ids": sorted(link_ids)})
    links = (_link(row.state) for row in rows)
    return {link.id: link for link in links}


async def unsettled(connection: AsyncConnection) -> str | None:
    """The id of a link whose open orders may lag behind it."""
    return (await connection.execute(_UNSETTLED)).scalar_one_or_none()


async def settle(connection: AsyncConnection, link: Link) -> None:
    """Says that no open order lags behind this version of the link."""
    await connection.execute(_SETTLE, {"id": link.id, "version": link.version})

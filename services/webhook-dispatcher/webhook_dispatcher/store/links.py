"""What the dispatcher keeps of each link: its version, whose it is, and the URL for open orders."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.links import Link
from webhook_dispatcher.webhooks import OpenUrl, open_url

# An event may come before its link: the row is there to be held, whoever of the two comes first.
_MAKE = text(
    """
    INSERT INTO links (id, shop_id, threepl_id, version)
    SELECT id, shop_id, threepl_id, 0
    FROM unnest(CAST(:ids AS text[]), CAST(:shop_ids AS text[]), CAST(:threepl_ids AS text[]))
        AS link (id, shop_id, threepl_id)
    ORDER BY id
    ON CONFLICT (id) DO NOTHING
    """
)
_READ = "SELECT id, version, open_url_version, open_url FROM links WHERE id = ANY(:ids) ORDER BY id"
_SHARE = text(f"{_READ} FOR SHARE")
_HOLD = text(f"{_READ} FOR UPDATE")
_SAVE = text(
    """
    UPDATE links SET
        shop_id = link.shop_id, threepl_id = link.threepl_id, version = link.version,
        open_url_version = link.open_url_version, open_url = link.open_url
    FROM unnest(CAST(:ids AS text[]), CAST(:shop_ids AS text[]), CAST(:threepl_ids AS text[]),
                CAST(:versions AS bigint[]), CAST(:open_url_versions AS bigint[]),
                CAST(:open_urls AS text[]))
        AS link (id, shop_id, threepl_id, version, open_url_version, open_url)
    WHERE links.id = link.id
    """
)


@dataclass(frozen=True, slots=True)
class KnownLink:
    """A link as far as it is known; version 0: only its events have come."""

    version: int
    open_url: OpenUrl


Parties = Mapping[str, tuple[str | None, str | None]]  # link id: shop id, 3PL id


async def share(connection: AsyncConnection, parties: Parties) -> dict[str, KnownLink]:
    """The links, whose state stays as it is until the transaction ends."""
    await _make(connection, parties)
    return _known(await connection.execute(_SHARE, {"ids": list(parties)}))


async def claim(connection: AsyncConnection, parties: Parties) -> dict[str, KnownLink]:
    """The links, held until the transaction ends for a new state."""
    await _make(connection, parties)
    return _known(await connection.execute(_HOLD, {"ids": list(parties)}))


async def save(connection: AsyncConnection, links: Sequence[Link]) -> None:
    """Takes over the states of claimed links."""
    open_urls = [open_url(link) for link in links]
    columns = {
        "ids": [link.id for link in links],
        "shop_ids": [link.shop_id for link in links],
        "threepl_ids": [link.threepl_id for link in links],
        "versions": [link.version for link in links],
        "open_url_versions": [each.version for each in open_urls],
        "open_urls": [each.url for each in open_urls],
    }
    await connection.execute(_SAVE, columns)


async def _make(connection: AsyncConnection, parties: Parties) -> None:
    columns = {
        "ids": list(parties),
        "shop_ids": [shop_id for shop_id, _ in parties.values()],
        "threepl_ids": [threepl_id for _, threepl_id in parties.values()],
    }
    await connection.execute(_MAKE, columns)


def _known(rows: Iterable[Any]) -> dict[str, KnownLink]:
    return {row.id: KnownLink(row.version, OpenUrl(row.open_url_version, row.open_url)) for row in rows}

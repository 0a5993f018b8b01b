"""The orders with their assignment: claimed by key, in order, and saved behind a version fence."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.lifecycle import Holding, StoredOrder, Version, open_version
from order_router.routing import Decision
from shared.contracts.links import Link, Settings

Key = tuple[str, str]  # shop id, order id

_KEYS = "unnest(CAST(:shop_ids AS text[]), CAST(:order_ids AS text[])) AS key (shop_id, order_id)"
_COLUMNS = """
    shop_id, order_id, version, topic, partition, "offset", content_hash, number, stage, routed, decision,
    link_id, threepl_id, epoch, settings, settings_version, sequence
"""
_INSERT_KEYS = text(
    f"""
    INSERT INTO orders (shop_id, order_id) SELECT shop_id, order_id FROM {_KEYS}
    ORDER BY shop_id, order_id ON CONFLICT DO NOTHING
    """
)
_CLAIM = text(
    f"""
    SELECT {_COLUMNS} FROM orders
    WHERE (shop_id, order_id) IN (SELECT shop_id, order_id FROM {_KEYS})
    ORDER BY shop_id, order_id FOR UPDATE
    """
)
_CLAIM_BEHIND = text(
    f"""
    SELECT {_COLUMNS}, document FROM orders
    WHERE link_id = :link_id AND stage = 'open' AND (epoch < :epoch OR settings_version < :open_version)
    ORDER BY settings_version LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
_ANY_BEHIND = text(
    """
    SELECT EXISTS (SELECT FROM orders WHERE link_id = :link_id AND stage = 'open'
        AND (epoch < :epoch OR settings_version < :open_version))
    """
)
_DOCUMENTS = text(f"SELECT shop_id, order_id, document FROM orders JOIN {_KEYS} USING (shop_id, order_id)")
_ARRAYS = {
    "shop_id": "text",
    "order_id": "text",
    "version": "bigint",
    "topic": "text",
    "partition": "integer",
    "offset": "bigint",
    "document": "text",
    "content_hash": "bytea",
    "number": "text",
    "stage": "text",
    "routed": "boolean",
    "decision": "text",
    "link_id": "text",
    "threepl_id": "text",
    "epoch": "bigint",
    "settings": "text",
    "settings_version": "bigint",
    "sequence": "bigint",
}
_NAMES = ", ".join(f'"{name}"' for name in _ARRAYS)
_SAVE = text(
    f"""
    UPDATE orders SET {", ".join(f'"{name}" = changed."{name}"' for name in _ARRAYS if name != "document")},
        document = coalesce(changed.document, orders.document)
    FROM unnest({", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _ARRAYS.items())})
        AS changed ({_NAMES})
    WHERE orders.shop_id = changed.shop_id AND orders.order_id = changed.order_id
      AND (orders.version IS NULL OR (orders.version, orders.topic, orders.partition, orders."offset")
           <= (changed.version, changed.topic, changed.partition, changed."offset"))
    """
)


async def claim(connection: AsyncConnection, keys: Sequence[Key]) -> dict[Key, StoredOrder]:
    """The orders of these keys, made where they are new, locked in the order of their keys."""
    columns = _key_columns(sorted(keys))
    await connection.execute(_INSERT_KEYS, columns)
    rows = await connection.execute(_CLAIM, columns)
    return {(row.shop_id, row.order_id): _order(row, None) for row in rows}


async def claim_behind(connection: AsyncConnection, link: Link, limit: int) -> list[StoredOrder]:
    """Open orders that lag behind their link, with their documents; what somebody else holds is left out."""
    rows = await connection.execute(_CLAIM_BEHIND, {**_behind(link), "limit": limit})
    return [_order(row, row.document) for row in rows]


async def any_behind(connection: AsyncConnection, link: Link) -> bool:
    """Whether an open order lags behind its link."""
    return bool((await connection.execute(_ANY_BEHIND, _behind(link))).scalar_one())


async def documents(connection: AsyncConnection, keys: Sequence[Key]) -> dict[Key, str]:
    """The documents of these orders, as JSON text."""
    rows = await connection.execute(_DOCUMENTS, _key_columns(keys))
    return {(row.shop_id, row.order_id): row.document for row in rows}


async def save(connection: AsyncConnection, orders: Sequence[StoredOrder]) -> None:
    """Writes claimed orders back in one statement; raises RuntimeError if the version fence held one off."""
    if not orders:
        return
    rows = [_row(order) for order in orders]
    result = await connection.execute(_SAVE, {name: [row[name] for row in rows] for name in _ARRAYS})
    if result.rowcount != len(orders):
        raise RuntimeError("an order was changed although this transaction had claimed it")


def _key_columns(keys: Sequence[Key]) -> dict[str, list[str]]:
    return {"shop_ids": [shop_id for shop_id, _ in keys], "order_ids": [order_id for _, order_id in keys]}


def _behind(link: Link) -> dict[str, Any]:
    return {"link_id": link.id, "epoch": link.epoch, "open_version": open_version(link)}


def _row(order: StoredOrder) -> dict[str, Any]:
    assert order.version is not None, "an order is saved after an event of it"
    holding = order.holding
    return {
        "shop_id": order.shop_id,
        "order_id": order.order_id,
        **order.version._asdict(),
        "version": order.version.number,
        "document": order.document,
        "content_hash": order.content_hash,
        "number": order.number,
        "stage": order.stage,
        "routed": order.routed,
        "decision": order.decision.model_dump_json() if order.decision else None,
        "link_id": holding.link_id if holding else None,
        "threepl_id": holding.threepl_id if holding else None,
        "epoch": holding.epoch if holding else None,
        "settings": holding.settings.model_dump_json() if holding else None,
        "settings_version": holding.settings_version if holding else None,
        "sequence": order.sequence,
    }


def _order(row: Any, document: str | None) -> StoredOrder:
    return StoredOrder(
        shop_id=row.shop_id,
        order_id=row.order_id,
        version=_version(row),
        document=document,
        content_hash=row.content_hash,
        number=row.number,
        stage=row.stage,
        routed=row.routed,
        decision=Decision.model_validate_json(row.decision) if row.decision else None,
        holding=_holding(row),
        sequence=row.sequence,
    )


def _version(row: Any) -> Version | None:
    return None if row.version is None else Version(row.version, row.topic, row.partition, row.offset)


def _holding(row: Any) -> Holding | None:
    if row.link_id is None:
        return None
    settings = Settings.model_validate_json(row.settings)
    return Holding(row.link_id, row.threepl_id, row.epoch, settings, row.settings_version)

"""The orders with their assignment: claimed by key, in order, and saved behind a version fence."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from order_router.lifecycle import open_version
from order_router.orders import Holding, StoredOrder, Version
from order_router.requests import LAPSE
from order_router.routing import Decision
from shared.contracts.assignments import RequestKind
from shared.contracts.links import Link, Settings
from shared.contracts.shipments import Consignment

Key = tuple[str, str]  # shop id, order id

_KEYS = "unnest(CAST(:shop_ids AS text[]), CAST(:order_ids AS text[])) AS key (shop_id, order_id)"
_COLUMNS = """
    shop_id, order_id, version, topic, partition, "offset", document, number, stage, routable,
    says_cancelled, routed, decision, link_id, threepl_id, epoch, settings, settings_version, assigned_links,
    cancellation_requested_at, take_over_requested_at, consignment, sequence
"""
_INSERT_KEYS = text(
    f"""
    INSERT INTO orders (shop_id, order_id) SELECT shop_id, order_id FROM {_KEYS}
    ORDER BY shop_id, order_id ON CONFLICT DO NOTHING RETURNING shop_id, order_id
    """
)
_OF_KEYS = f"""
    FROM orders WHERE (shop_id, order_id) IN (SELECT shop_id, order_id FROM {_KEYS})
    ORDER BY shop_id, order_id FOR UPDATE
"""
_CLAIM = text(f"SELECT {_COLUMNS} {_OF_KEYS}")
_CLAIM_BEHIND = text(
    f"""
    SELECT {_COLUMNS} FROM orders
    WHERE link_id = :link_id AND stage = 'open' AND (epoch < :epoch OR settings_version < :open_version)
    ORDER BY settings_version LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
_CLAIM_LAPSING = text(
    f"""
    SELECT {_COLUMNS} FROM orders
    WHERE (cancellation_requested_at IS NOT NULL OR take_over_requested_at IS NOT NULL)
        AND least(cancellation_requested_at, take_over_requested_at) <= :made_before
    ORDER BY least(cancellation_requested_at, take_over_requested_at) LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
_ANY_BEHIND = text(
    """
    SELECT EXISTS (SELECT FROM orders WHERE link_id = :link_id AND stage = 'open'
        AND (epoch < :epoch OR settings_version < :open_version))
    """
)
_ARRAYS = {
    "shop_id": "text",
    "order_id": "text",
    "version": "bigint",
    "topic": "text",
    "partition": "integer",
    "offset": "bigint",
    "document": "text",
    "search": "text",
    "number": "text",
    "stage": "text",
    "routable": "boolean",
    "says_cancelled": "boolean",
    "routed": "boolean",
    "decision": "text",
    "link_id": "text",
    "threepl_id": "text",
    "epoch": "bigint",
    "settings": "text",
    "settings_version": "bigint",
    "assigned_links": "text",
    "cancellation_requested_at": "timestamptz",
    "take_over_requested_at": "timestamptz",
    "consignment": "text",
    "sequence": "bigint",
}


def _changed(name: str) -> str:
    """What wasn't loaded stays as it is."""
    return "coalesce(changed.search, orders.search)" if name == "search" else f'changed."{name}"'


_NAMES = ", ".join(f'"{name}"' for name in _ARRAYS)
# Topics compare by their code points, as in Python, whatever language the database sorts in.
_SAVE = text(
    f"""
    UPDATE orders SET {", ".join(f'"{name}" = {_changed(name)}' for name in _ARRAYS)}
    FROM unnest({", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _ARRAYS.items())})
        AS changed ({_NAMES})
    WHERE orders.shop_id = changed.shop_id AND orders.order_id = changed.order_id
      AND (orders.version IS NULL
           OR (orders.version, orders.topic COLLATE "C", orders.partition, orders."offset")
           <= (changed.version, changed.topic, changed.partition, changed."offset"))
    """
)


async def claim(connection: AsyncConnection, keys: Sequence[Key]) -> dict[Key, StoredOrder]:
    """The orders of these keys, made where they are new, locked in the order of their keys."""
    rows = await connection.execute(_INSERT_KEYS, _key_columns(sorted(keys)))
    new = {(row.shop_id, row.order_id): StoredOrder(row.shop_id, row.order_id) for row in rows}
    return new | await claim_existing(connection, [key for key in keys if key not in new])


async def claim_existing(connection: AsyncConnection, keys: Sequence[Key]) -> dict[Key, StoredOrder]:
    """Those of the orders that exist, locked in the order of their keys."""
    if not keys:
        return {}
    rows = await connection.execute(_CLAIM, _key_columns(sorted(keys)))
    return {(row.shop_id, row.order_id): _order(row) for row in rows}


async def claim_lapsing(connection: AsyncConnection, now: datetime, limit: int) -> list[StoredOrder]:
    """Orders of which a request's time is over; what somebody holds is left out."""
    values = {"made_before": now - LAPSE, "limit": limit}
    rows = await connection.execute(_CLAIM_LAPSING, values)
    return [_order(row) for row in rows]


async def claim_behind(connection: AsyncConnection, link: Link, limit: int) -> list[StoredOrder]:
    """Open orders that lag behind their link; what somebody else holds is left out."""
    rows = await connection.execute(_CLAIM_BEHIND, {**_behind(link), "limit": limit})
    return [_order(row) for row in rows]


async def any_behind(connection: AsyncConnection, link: Link) -> bool:
    """Whether an open order lags behind its link."""
    return bool((await connection.execute(_ANY_BEHIND, _behind(link))).scalar_one())


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
        "search": order.search,
        "number": order.number,
        "stage": order.stage,
        "routable": order.routable,
        "says_cancelled": order.says_cancelled,
        "routed": order.routed,
        "decision": order.decision.model_dump_json() if order.decision else None,
        "link_id": holding.link_id if holding else None,
        "threepl_id": holding.threepl_id if holding else None,
        "epoch": holding.epoch if holding else None,
        "settings": holding.settings.model_dump_json() if holding else None,
        "settings_version": holding.settings_version if holding else None,
        "assigned_links": json.dumps(sorted(order.assigned_links)),
        "cancellation_requested_at": order.requests.get("cancellation"),
        "take_over_requested_at": order.requests.get("take_over"),
        "consignment": order.consignment.model_dump_json() if order.consignment else None,
        "sequence": order.sequence,
    }


def _order(row: Any) -> StoredOrder:
    return StoredOrder(
        shop_id=row.shop_id,
        order_id=row.order_id,
        version=_version(row),
        document=row.document or "",
        number=row.number,
        stage=row.stage,
        routable=row.routable,
        says_cancelled=row.says_cancelled,
        routed=row.routed,
        decision=Decision.model_validate_json(row.decision) if row.decision else None,
        holding=holding_of(row),
        assigned_links=frozenset(json.loads(row.assigned_links)),
        requests=requests_of(row),
        consignment=Consignment.model_validate_json(row.consignment) if row.consignment else None,
        sequence=row.sequence,
    )


def requests_of(row: Any) -> dict[RequestKind, datetime]:
    """The open requests in a row."""
    made: dict[RequestKind, datetime | None] = {
        "cancellation": row.cancellation_requested_at,
        "take_over": row.take_over_requested_at,
    }
    return {kind: at for kind, at in made.items() if at is not None}


def _version(row: Any) -> Version | None:
    return None if row.version is None else Version(row.version, row.topic, row.partition, row.offset)


def holding_of(row: Any) -> Holding | None:
    """Who holds the order in a row; None: its shop."""
    if row.link_id is None:
        return None
    settings = Settings.model_validate_json(row.settings)
    return Holding(row.link_id, row.threepl_id, row.epoch, settings, row.settings_version)

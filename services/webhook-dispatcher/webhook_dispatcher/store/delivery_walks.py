"""Walks along the queue and the log: which index is read from its newest end, and what is passed over.

A walk that must pass over what isn't wanted reads no further than `LOOKED` deliveries. That it goes along its
index depends on the service's planner settings, `shared.database.INDEXES_ONLY`.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

from sqlalchemy import TextClause, text

from webhook_dispatcher.store.seen_deliveries import LOGGED, QUEUED, listed

# A page is at most 200 deliveries and one more; told so, PostgreSQL keeps one plan, which walks.
MOST: Final = 201
LOOKED: Final = 20_000
FEW: Final = 2_000

QUEUE: Final = "deliveries"
LOG: Final = "finished"

# A walk begins before a place, and ends at another.
ALL: Final = "id < :before AND id >= :edge"
BY_ID: Final = "id DESC"
# Of one 3PL's; so that no plan goes along all of them by id, looking for a 3PL that has few.
OF_THREEPL: Final = "(threepl_id, id) < (:threepl_id, :before) AND (threepl_id, id) >= (:threepl_id, :edge)"
UNSENT_OF_THREEPL: Final = f"{OF_THREEPL} AND status <> 'delivered'"
BY_THREEPL: Final = "threepl_id DESC, id DESC"

CONDITIONS: Final = {
    "account": "threepl_id = :account",
    "clients": "shop_id = ANY(:clients)",
    "link_id": "link_id = :link_id",
    "endpoint_id": "endpoint_id = :endpoint_id",
    "shop_id": "shop_id = :shop_id",
    "order_id": "order_id = :order_id",
    "type": "type = :type",
    "since": "event_time >= :since",
    "until": "event_time < :until",
    "statuses": "status = ANY(:statuses)",
}
_COLUMNS: Final = {QUEUE: QUEUED, LOG: LOGGED}
_DAYS: Final = {"since": "day >= :first_day", "until": "day <= :last_day"}


@dataclass(frozen=True, slots=True)
class Walk:
    """What is read of a table: rows for which `along` holds, in this order, that meet the conditions.

    An index leads along them in that order, or they are `few`.
    """

    table: str
    along: str
    order: str
    conditions: frozenset[str]
    few: bool = False

    @property
    def passes_over(self) -> bool:
        """Whether it may read much that isn't wanted."""
        return bool(self.conditions) and not self.few


@cache
def count(walk: Walk) -> TextClause:
    """How many a walk of few has, up to one more than few."""
    found = f"SELECT FROM {walk.table} WHERE {walk.along}{_days(walk)} LIMIT {FEW + 1}"
    return text(f"SELECT count(*) FROM ({found}) AS found")


@cache
def edge(walk: Walk) -> TextClause:
    """The last delivery that a walk looks at, if there are more."""
    return text(
        f"""
        SELECT id FROM {walk.table} WHERE {walk.along}{_days(walk)}
        ORDER BY {walk.order} OFFSET {LOOKED - 1} LIMIT 1
        """
    )


@cache
def page(walks: tuple[Walk, ...]) -> TextClause:
    """The newest `:limit` deliveries of the walks; the limits within say they are at most `MOST`."""
    halves = " UNION ALL ".join(f"(SELECT * FROM ({_newest(each)}) AS newest LIMIT :limit)" for each in walks)
    return listed(f"SELECT * FROM ({halves}) AS merged ORDER BY id DESC LIMIT :limit")


def _newest(walk: Walk) -> str:
    along = f"{walk.along}{_days(walk)}"
    few = f"(SELECT * FROM {walk.table} WHERE {along} OFFSET 0) AS few WHERE {ALL}"
    # PostgreSQL can't know of how many deliveries these are true. Written plainly, some other index would
    # tempt it, whose rows it would have to sort.
    narrowed = "".join(
        f" AND CASE WHEN {CONDITIONS[name]} THEN true ELSE false END" for name in sorted(walk.conditions)
    )
    return f"""
        SELECT {_COLUMNS[walk.table]} FROM {few if walk.few else f"{walk.table} WHERE {along}"}{narrowed}
        ORDER BY {walk.order} LIMIT {MOST}
    """


def _days(walk: Walk) -> str:
    """Only days of the log in which there can be something."""
    days = sorted(_DAYS[name] for name in walk.conditions & _DAYS.keys())
    return "".join(f" AND {each}" for each in days) if walk.table == LOG else ""

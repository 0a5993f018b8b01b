"""Resends of many: jobs that go through the log, day by day and in the order of the ids."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.callers import Caller
from shared.pages import Place
from webhook_dispatcher.store.finished import Wanted

State = Literal["running", "done", "cancelled"]

# The first half of two-part advisory locks; the second is a 3PL's.
STARTING = 0x0DD0_0013

_WAIT_TURN = text(f"SELECT pg_advisory_xact_lock({STARTING}, hashtext(:threepl_id))")
_RUNNING = text("SELECT count(*) FROM resends WHERE threepl_id = :threepl_id AND state = 'running'")
_START = text(
    """
    INSERT INTO resends (id, requested_by, threepl_id, clients, since, until, statuses, link_id, endpoint_id,
                         shop_id, order_id, after_day)
    VALUES (:id, :requested_by, :threepl_id, :clients, :since, :until, :statuses, :link_id, :endpoint_id,
            :shop_id, :order_id, :after_day)
    RETURNING *
    """
)
# From job to job, so that a long one keeps no other waiting.
_CLAIM = text(
    """
    SELECT * FROM resends WHERE state = 'running'
    ORDER BY (created_at, id) <= (:at, :last), created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
    """
)
_SAVE = text(
    """
    UPDATE resends SET state = :state, after_day = :after_day, after_id = :after_id, resent = :resent,
                       finished_at = :finished_at
    WHERE id = :id
    """
)
_SEEN: Mapping[str, str] = {
    "operator": "true",
    "threepl": """
        threepl_id = :account
        AND (CAST(:clients AS text[]) IS NULL OR shop_id = ANY(:clients)
             OR clients <@ CAST(:clients AS text[]))
    """,
}


def _seen(rest: str) -> dict[str, TextClause]:
    return {kind: text(f"SELECT * FROM resends WHERE {seen} AND {rest}") for kind, seen in _SEEN.items()}


_PAGE = _seen("(created_at, id) < (:at, :last) ORDER BY created_at DESC, id DESC LIMIT :limit")
_READ = _seen("id = :id")
_HOLD = _seen("id = :id FOR UPDATE")


@dataclass(frozen=True, slots=True)
class Resend(Wanted):
    """A job: it has come to `after_day`, and there past `after_id`."""

    id: str
    requested_by: str
    state: State
    after_day: date
    after_id: int
    resent: int
    created_at: datetime
    finished_at: datetime | None


async def running(connection: AsyncConnection, threepl_id: str) -> int:
    """How many jobs of a 3PL run; until the transaction ends, nobody else who asks so starts one."""
    await connection.execute(_WAIT_TURN, {"threepl_id": threepl_id})
    return int((await connection.execute(_RUNNING, {"threepl_id": threepl_id})).scalar_one())


async def start(
    connection: AsyncConnection, job_id: str, wanted: Wanted, first_day: date, requested_by: str
) -> Resend:
    """Stores a job, which begins at `first_day`."""
    values = {"id": job_id, "requested_by": requested_by, "after_day": first_day, **asdict(wanted)}
    return Resend(**(await connection.execute(_START, values)).mappings().one())


async def claim(connection: AsyncConnection, last: Place) -> Resend | None:
    """The next running job, round and round, that nobody else has, held until the transaction ends."""
    row = (await connection.execute(_CLAIM, {"at": last.at, "last": last.id})).mappings().one_or_none()
    return None if row is None else Resend(**row)


async def save(connection: AsyncConnection, job: Resend) -> None:
    """Takes over how far a held job has come."""
    values = {name: getattr(job, name) for name in ("id", "state", "after_day", "after_id", "resent")}
    await connection.execute(_SAVE, {**values, "finished_at": job.finished_at})


async def page(connection: AsyncConnection, who: Caller, before: Place, limit: int) -> list[Resend]:
    """Jobs that the caller may see, the newest first, before a place."""
    return await _rows(connection, _PAGE, who, {"at": before.at, "last": before.id, "limit": limit})


async def read(connection: AsyncConnection, who: Caller, job_id: str) -> Resend | None:
    """One job, if the caller may see it."""
    return _only(await _rows(connection, _READ, who, {"id": job_id}))


async def hold(connection: AsyncConnection, who: Caller, job_id: str) -> Resend | None:
    """The same, held until the transaction ends: it gets no further."""
    return _only(await _rows(connection, _HOLD, who, {"id": job_id}))


async def _rows(
    connection: AsyncConnection, queries: Mapping[str, TextClause], who: Caller, values: dict[str, Any]
) -> list[Resend]:
    if who.kind not in queries:
        return []
    if who.kind == "threepl":
        clients = None if who.clients is None else sorted(who.clients)
        values = {**values, "account": who.account, "clients": clients}
    return [Resend(**row) for row in (await connection.execute(queries[who.kind], values)).mappings()]


def _only(rows: list[Resend]) -> Resend | None:
    return rows[0] if rows else None

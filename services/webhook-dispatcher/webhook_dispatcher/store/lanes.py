"""Lanes and the processes that serve them, as advisory locks of sessions: who dies lets go of them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# The first halves of two-part advisory locks; the second is a process's number, or a lane's.
MEMBERS = 0x0DD0_0010
LANES = 0x0DD0_0011

_JOIN = text(f"SELECT pg_try_advisory_lock({MEMBERS}, :member)")
_READ = text(
    f"""
    SELECT CAST(classid AS bigint) = {MEMBERS} AS member, CAST(objid AS bigint) AS number,
           pid = pg_backend_pid() AS mine
    FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND CAST(classid AS bigint) IN ({MEMBERS}, {LANES})
    """
)
_TAKE = text(
    f"""
    SELECT lane FROM unnest(CAST(:lanes AS integer[])) AS lane WHERE pg_try_advisory_lock({LANES}, lane)
    """
)
_RELEASE = text(f"SELECT pg_advisory_unlock({LANES}, lane) FROM unnest(CAST(:lanes AS integer[])) AS lane")
# From one endpoint to the next by the index, however many deliveries wait for each.
_WAITING = text(
    """
    WITH RECURSIVE waiting AS (
        (SELECT endpoint_id FROM deliveries WHERE NOT behind ORDER BY endpoint_id LIMIT 1)
        UNION ALL
        SELECT (SELECT endpoint_id FROM deliveries WHERE NOT behind AND endpoint_id > waiting.endpoint_id
                ORDER BY endpoint_id LIMIT 1)
        FROM waiting WHERE endpoint_id IS NOT NULL
    )
    SELECT endpoint_id FROM waiting WHERE endpoint_id IS NOT NULL
    """
)


@dataclass(frozen=True, slots=True)
class Held:
    """The processes that are there, the lanes that are taken, and those of them that this session has."""

    members: frozenset[int]
    taken: frozenset[int]
    mine: frozenset[int]


async def join(connection: AsyncConnection, member: int) -> bool:
    """Shows this session to the others under a number, unless another session has that."""
    return bool((await connection.execute(_JOIN, {"member": member})).scalar_one())


async def read(connection: AsyncConnection) -> Held:
    rows = list(await connection.execute(_READ))
    return Held(
        members=frozenset(row.number for row in rows if row.member),
        taken=frozenset(row.number for row in rows if not row.member),
        mine=frozenset(row.number for row in rows if not row.member and row.mine),
    )


async def take(connection: AsyncConnection, lanes: Collection[int]) -> list[int]:
    """Takes those of the lanes that are free still; answers which."""
    return list((await connection.execute(_TAKE, {"lanes": list(lanes)})).scalars())


async def release(connection: AsyncConnection, lanes: Collection[int]) -> None:
    await connection.execute(_RELEASE, {"lanes": list(lanes)})


async def waiting_endpoints(connection: AsyncConnection) -> list[str]:
    """The endpoints for which anything waits, due or not."""
    return list((await connection.execute(_WAITING)).scalars())

"""What lies in integration's tables at one moment: to tell what a call changed, and to go back to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database

# Of the service and not of an account, or changed by the service whoever calls.
_NOT_OF_ACCOUNTS = {
    "alembic_version",
    "consumer_offsets",
    "dead_letters",
    "outbox",
    "signing_keys",
    "trusted_keys",
}
_UNTOLD = {"rate_limits"}
_ROW = {"mails": "each.id"}  # the mailer counts its attempts in the rest
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
# Counts on, whether or not the relay has sent and deleted what was put in.
_ANNOUNCED = "(SELECT last_value::text FROM outbox_id_seq)"


@dataclass
class Snapshot:
    """The rows of all accounts at the moment it was taken."""

    database: Database
    tables: Sequence[str]
    digests: Mapping[str, str]

    @classmethod
    async def taken(cls, database: Database) -> Self:
        async with database.transaction() as connection:
            tables = [name for name in await connection.scalars(_TABLES) if name not in _NOT_OF_ACCOUNTS]
            await connection.execute(text("CREATE SCHEMA snapshot"))
            for name in tables:
                await connection.execute(text(f"CREATE TABLE snapshot.{name} AS TABLE public.{name}"))
            return cls(database, tables, await _digests(connection, tables))

    async def changed(self) -> set[str]:
        """The tables that hold something else now, with `outbox` if something was put into it."""
        async with self.database.transaction() as connection:
            now = await _digests(connection, self.tables)
        return {name for name, digest in now.items() if digest != self.digests[name]}

    async def restore(self) -> None:
        """Puts every row back as it was; in one statement each, so that no foreign key asks for an order."""
        async with self.database.transaction() as connection:
            await connection.execute(_each(self.tables, "DELETE FROM public.{0}"))
            await connection.execute(_each(self.tables, "INSERT INTO public.{0} TABLE snapshot.{0}"))
            self.digests = await _digests(connection, self.tables)


async def _digests(connection: AsyncConnection, tables: Sequence[str]) -> dict[str, str]:
    parts = [f"{_digest(name)} AS {name}" for name in tables if name not in _UNTOLD]
    row = (
        (await connection.execute(text(f"SELECT {', '.join(parts)}, {_ANNOUNCED} AS outbox")))
        .mappings()
        .one()
    )
    return dict(row)


def _digest(table: str) -> str:
    rows = f"{_ROW.get(table, 'each')}::text"
    return f"(SELECT md5(coalesce(string_agg({rows}, '|' ORDER BY {rows}), '')) FROM public.{table} AS each)"


def _each(tables: Sequence[str], statement: str) -> TextClause:
    parts = ", ".join(f"of_{name} AS ({statement.format(name)})" for name in tables)
    return text(f"WITH {parts} SELECT 1")

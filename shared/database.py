"""PostgreSQL: one engine a service, transactions, which failures pass by themselves, migrations."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

# SQLSTATE classes: connection, transaction rollback (deadlock, serialization), resources, lock not
# available, operator intervention (shutdown), system error.
PASSING_SQLSTATES = ("08", "40", "53", "55", "57", "58")


def asyncpg_url(url: str) -> str:
    """A `postgresql://` URL with the driver we use; raises ValueError for any other kind of URL."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise ValueError("must be postgresql://user:password@host/database")
    # libpq's name of the setting, which managed databases hand out; asyncpg's is `ssl`, with the same values.
    return f"postgresql+asyncpg://{rest.replace('?sslmode=', '?ssl=').replace('&sslmode=', '&ssl=')}"


# What is wrong with the database or with us, not with the values: no privilege, no such table or column.
UNREADY_SQLSTATES = ("0A", "25", "28", "42")


# For tables that are filled and emptied all day, each statement of which is few steps along an index: a plan
# that was made while they were empty reads them whole, and is kept. The statements themselves see to it
# (LATERAL with OFFSET 0, = ANY(ARRAY(…))) that none begins with such a table where it should end.
INDEXES_ONLY: Mapping[str, str] = MappingProxyType(
    {f"enable_{method}": "off" for method in ("seqscan", "bitmapscan", "mergejoin")}
)


class Database:
    """A service's own database. Connections up to `pool_size` are made as they are needed, and kept.

    A statement waits for another's lock for `lock_timeout` seconds at most; None: as long as it takes.
    `planner` are settings of PostgreSQL's planner.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 20,
        lock_timeout: float | None = None,
        planner: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        settings = {
            "application_name": "orderdock",
            "lock_timeout": f"{(lock_timeout or 0) * 1000:.0f}",
            # Our statements are short; to compile one would take longer than to run it.
            "jit": "off",
            # A host that vanished lets go of its locks within a quarter of a minute.
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "2",
            "tcp_keepalives_count": "4",
            "tcp_user_timeout": "15000",
            **planner,
        }
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            hide_parameters=True,
            connect_args={"timeout": 10, "server_settings": settings},
        )
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits when the block ends well and rolls back otherwise."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement is a transaction of its own, committed once it was sent."""
        async with self._autocommit.connect() as connection:
            yield connection

    async def apart(self) -> AsyncConnection:
        """Such a connection that the caller keeps, and closes."""
        return await self._autocommit.connect()

    async def check(self) -> None:
        """Asks the database for one row; raises what keeps it from answering."""
        async with asyncio.timeout(5), self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def check_tables(self, migrations: Path) -> None:
        """Raises LookupError while the tables are older than the code; newer ones may be there before it."""
        scripts = ScriptDirectory(str(migrations))
        async with self.engine.connect() as connection:
            found = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
        known = {script.revision for script in scripts.walk_revisions()}
        if found in known and found != scripts.get_current_head():
            raise LookupError(
                f"the tables are at {found}, older than this code: run its `migrate` command first"
            )

    async def version(self) -> str:
        """The server's version, as `SHOW server_version` gives it."""
        async with self.engine.connect() as connection:
            return str((await connection.execute(text("SHOW server_version"))).scalar_one())

    async def close(self) -> None:
        await self.engine.dispose()


def is_passing(error: BaseException) -> bool:
    """Whether the same work can succeed later: the database is away or stopping, or it was a deadlock."""
    for cause in _causes(error):
        if isinstance(cause, exc.TimeoutError | OSError | TimeoutError | asyncpg.InterfaceError):
            return True
        if isinstance(cause, exc.DBAPIError) and cause.connection_invalidated:
            return True
        if str(getattr(cause, "sqlstate", None) or "").startswith(PASSING_SQLSTATES):
            return True
    return False


def is_unready(error: BaseException) -> bool:
    """Whether the database isn't, or isn't yet, the one this code was written for."""
    return any(
        str(getattr(cause, "sqlstate", None) or "").startswith(UNREADY_SQLSTATES) for cause in _causes(error)
    )


def in_short(error: BaseException) -> str:
    """An error in one line, without the values that caused it as far as the database names them."""
    said = str(getattr(error, "orig", None) or error).partition("\n")[0]
    return f"{type(error).__name__}: {said}"[:300]


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or getattr(cause, "orig", None)


def migrate(url: str, migrations: Path, revision: str = "head") -> None:
    """Brings the database's tables to what the code expects; does nothing when they are."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, revision)

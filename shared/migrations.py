"""What every service's Alembic environment does, and the tables that every service has.

The DDL of a version is frozen once released: change it by a new constant and a new migration.
"""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import pool, text
from sqlalchemy.ext.asyncio import create_async_engine

# One migration at a time a database, whoever starts it.
MIGRATION_LOCK = 0x0DD0_0001

V1 = (
    """
    CREATE TABLE consumer_offsets (
        topic text NOT NULL,
        partition integer NOT NULL,
        next_offset bigint NOT NULL,
        PRIMARY KEY (topic, partition)
    )
    """,
    """
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        topic text NOT NULL,
        key bytea,
        value bytea NOT NULL,
        headers jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        parked_reason text
    )
    """,
    "CREATE INDEX outbox_parked ON outbox (topic, key) WHERE parked_reason IS NOT NULL",
    """
    CREATE TABLE dead_letters (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        topic text NOT NULL,
        partition integer NOT NULL,
        "offset" bigint NOT NULL,
        key bytea,
        value bytea NOT NULL,
        headers jsonb NOT NULL,
        size bigint NOT NULL,
        sha256 text NOT NULL,
        reason text NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (topic, partition, "offset")
    )
    """,
    """
    CREATE TABLE trusted_keys (
        kid text PRIMARY KEY,
        jwk jsonb NOT NULL,
        fetched_at timestamptz NOT NULL
    )
    """,
)

# What it takes to put a dead letter back: the record as it was, its headers' bytes included. A row of older
# code has its headers as text alone. And an outbox that can park any message.
V2 = (
    """
    ALTER TABLE dead_letters
        ALTER COLUMN value DROP NOT NULL,
        ADD COLUMN timestamp timestamptz NOT NULL DEFAULT now(),
        ADD COLUMN raw_headers jsonb,
        ADD COLUMN put_back_at timestamptz
    """,
    "UPDATE dead_letters SET timestamp = received_at",
    "CREATE INDEX dead_letters_waiting ON dead_letters (id) WHERE put_back_at IS NULL",
    "CREATE INDEX dead_letters_waiting_by_topic ON dead_letters (topic, id) WHERE put_back_at IS NULL",
    "CREATE INDEX dead_letters_put_back ON dead_letters (id) WHERE put_back_at IS NOT NULL",
    # A key may be longer than an index takes; few messages are ever parked.
    "DROP INDEX outbox_parked",
    "CREATE INDEX outbox_parked ON outbox (topic) WHERE parked_reason IS NOT NULL",
)


def run() -> None:
    """Runs the migrations of the service whose env.py calls this."""
    asyncio.run(_run(context.config.get_main_option("sqlalchemy.url") or ""))


async def _run(url: str) -> None:
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.begin() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        await connection.run_sync(_upgrade)
    await engine.dispose()


def _upgrade(connection: Any) -> None:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

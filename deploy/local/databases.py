"""Makes databases on a PostgreSQL server."""

import asyncpg
from sqlalchemy import make_url


async def create(server: str, name: str, template: str | None = None) -> None:
    """Make the database `name` on the server of that URL, as a copy of `template`, unless it exists."""
    connection = await asyncpg.connect(server)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            copied = f" TEMPLATE {quoted(template)}" if template else ""
            await connection.execute(f"CREATE DATABASE {quoted(name)}{copied}")
    finally:
        await connection.close()


async def drop(server: str, name: str) -> None:
    """Drop the database `name`, whoever is still connected to it."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
    finally:
        await connection.close()


def on_server(server: str, name: str) -> str:
    """The URL of the database `name` on the server of the URL `server`."""
    return make_url(server).set(drivername="postgresql", database=name).render_as_string(hide_password=False)


def quoted(identifier: str) -> str:
    """The identifier in SQL's double quotes."""
    return '"' + identifier.replace('"', '""') + '"'

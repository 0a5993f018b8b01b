"""The bare route that reading a link is held against: one row by primary key, answered as JSON.

`python -m tests.bench.integration.bare`, in a process of its own, on the same FastAPI, uvicorn, uvloop and
engine as the services, with no token, no rules of ours and nothing beside it. The row is answered through a
response model.
"""

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import text

from deploy.local.child import Child
from deploy.local.errors import PlatformError
from deploy.local.ports import LOOPBACK, answers, free_port
from shared.database import Database, asyncpg_url

PATIENCE = 30.0
TABLE = "bare_links"  # a copy of `links` with a primary key
_FIND = text(
    f"""
    SELECT id, shop_id, threepl_id, started_by, shop_on, threepl_on, status, version, epoch,
           settings, rules, open_settings, created_at, changed_at
    FROM {TABLE} WHERE id = :id
    """
)


class BareLink(BaseModel):
    """A row of `bare_links`, its JSON as it is."""

    id: str
    shop_id: str
    threepl_id: str
    started_by: str
    shop_on: bool
    threepl_on: bool
    status: str
    version: int
    epoch: int
    settings: dict[str, Any]
    rules: dict[str, Any]
    open_settings: dict[str, Any]
    created_at: datetime
    changed_at: datetime


def build(database: Database) -> FastAPI:
    @asynccontextmanager
    async def closing(_: FastAPI) -> AsyncIterator[None]:
        yield
        await database.close()

    api = FastAPI(lifespan=closing)

    @api.get("/{link_id}")
    async def read(link_id: str) -> BareLink:
        async with database.transaction() as connection:
            row = (await connection.execute(_FIND, {"id": link_id})).mappings().one()
        return BareLink.model_validate(row)

    return api


def start(folder: Path, database_url: str, stack: ExitStack) -> str:
    """Starts the process until the stack ends; answers its URL."""
    port = free_port()
    child = Child("the bare route", folder / "bare.pid", folder / "bare.log")
    environment = {**os.environ, "DATABASE_URL": database_url, "PORT": str(port)}
    child.launch([sys.executable, "-m", "tests.bench.integration.bare"], Path.cwd(), environment)
    stack.callback(child.stop)
    deadline = time.monotonic() + PATIENCE
    while not answers(port):
        child.must_be_alive()
        if time.monotonic() > deadline:
            raise PlatformError(f"The bare route doesn't listen. {child.last_words()}")
        time.sleep(0.1)
    return f"http://{LOOPBACK}:{port}"


def main() -> None:
    api = build(Database(asyncpg_url(os.environ["DATABASE_URL"])))
    uvicorn.run(
        api,
        port=int(os.environ["PORT"]),
        loop="uvloop",
        access_log=False,
        log_config=None,
        server_header=False,
    )


if __name__ == "__main__":
    main()

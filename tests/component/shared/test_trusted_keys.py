"""The keys that tokens are checked with: fetched as soon as integration answers, trusted while it is away."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from deploy.local.ports import LOOPBACK, free_port
from shared.auth import TrustedKeys
from shared.database import Database, asyncpg_url
from shared.telemetry import Metrics
from tests.conftest import MakeDatabase
from tests.harness import until

KEY = {**OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate().public_key(), as_dict=True), "kid": "k1"}


@asynccontextmanager
async def publishing(port: int) -> AsyncIterator[None]:
    """Something that publishes KEY where integration does."""

    async def keys(_: web.Request) -> web.Response:
        return web.Response(text=json.dumps({"keys": [KEY]}), content_type="application/json")

    app = web.Application()
    app.router.add_get("/.well-known/jwks.json", keys)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port).start()
    yield
    await runner.cleanup()


async def test_keys_are_fetched_soon_after_integration_is_up_and_trusted_once_it_is_down(
    make_database: MakeDatabase,
) -> None:
    port, database = free_port(), Database(asyncpg_url(make_database("order_router")))
    keys = TrustedKeys(database, f"http://{LOOPBACK}:{port}", Metrics("test"))
    keys.loop.start()

    async def fetched() -> bool:
        async with database.transaction() as connection:
            return (await connection.exec_driver_sql("SELECT kid FROM trusted_keys")).first() is not None

    assert await keys.find("k1") is None
    async with publishing(port):
        await until("the keys are fetched", fetched)
    assert await keys.find("k1") is not None
    assert await keys.find("k2") is None
    await keys.loop.stop()
    await keys.close()
    await database.close()

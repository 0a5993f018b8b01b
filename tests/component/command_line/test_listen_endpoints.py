"""`orderdock listen` with what the API tells of an endpoint's secrets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from aiohttp import web

from deploy.local.ports import LOOPBACK
from tests.component.command_line.listener import (
    NEW_SECRET,
    PRIVATE_KEY,
    PUBLIC_KEY,
    SECRET,
    failing,
    listening,
)
from webhook_dispatcher import signing
from webhook_dispatcher.api.secrets import OldPublicKey, OldSecret, Secrets


@asynccontextmanager
async def telling(secrets: Secrets) -> AsyncIterator[dict[str, str]]:
    """The environment in which integration and the webhook-dispatcher, in one, tell an endpoint's secrets."""

    async def token(_: web.Request) -> web.Response:
        return web.json_response({"access_token": "token", "expires_in": 900})

    async def tell(request: web.Request) -> web.Response:
        if request.match_info["id"] != "ep_1":
            return web.json_response({"detail": "There is no such endpoint."}, status=404)
        return web.Response(text=secrets.model_dump_json(), content_type="application/json")

    api = web.Application()
    api.add_routes([web.post("/oauth/token", token), web.get("/endpoints/{id}/secret", tell)])
    runner = web.AppRunner(api)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    yield {
        "ORDERDOCK_INTEGRATION_URL": url,
        "ORDERDOCK_WEBHOOK_DISPATCHER_URL": url,
        "ORDERDOCK_CLIENT_ID": "id",
        "ORDERDOCK_CLIENT_SECRET": "secret",
    }
    await runner.cleanup()


async def test_an_endpoints_secrets_are_fetched_old_ones_too() -> None:
    older, later = signing.private_key(b"d" * 32), datetime.now(UTC) + timedelta(hours=1)
    secrets = Secrets(
        schemes=["v1", "v1a"],
        secret=NEW_SECRET,
        old_secrets=[OldSecret(secret=SECRET, valid_until=later)],
        public_key=PUBLIC_KEY,
        old_public_keys=[OldPublicKey(public_key=signing.public_key(older), valid_until=later)],
    )
    async with telling(secrets) as env:
        async with listening("--endpoint", "ep_1", **env) as listener:
            answers = [await listener.send(each) for each in (NEW_SECRET, SECRET, PRIVATE_KEY, older)]
        code, error = await failing("--endpoint", "ep_2", **env)
    assert [answer.status_code for answer in answers] == [200] * 4
    assert (code, error.partition(" (")[0]) == (1, "There is no such endpoint.")


async def test_of_an_endpoint_with_one_scheme_that_ones_secret_is_fetched() -> None:
    secrets = Secrets(schemes=["v1"], secret=SECRET, old_secrets=[], public_key=None, old_public_keys=[])
    async with telling(secrets) as env, listening("--endpoint", "ep_1", **env) as listener:
        assert (await listener.send(SECRET)).status_code == 200

"""The people of a demo or a sample: an operator, shops and 3PLs, doing by API what they would do."""

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any, Literal

from deploy.local.api import Api
from deploy.local.errors import PlatformError
from deploy.local.platform import Platform

Kind = Literal["shop", "threepl"]
PLANS: dict[Kind, str] = {"shop": "grow", "threepl": "conquer"}


@dataclass(frozen=True)
class Account:
    """An account with an API key of its own."""

    id: str
    name: str
    kind: str
    client_id: str
    client_secret: str
    api: Api


async def make_operator(platform: Platform, email: str) -> Account:
    """The first operator, made as `orderdock operators create` makes one."""
    command = [sys.executable, "-m", "integration.operators", "create", email, "--json"]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=platform.environment("integration"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        raise PlatformError(f"the operator could not be made: {err.decode().strip()}")
    made = json.loads(out)
    key = made["client_id"], made["client_secret"]
    return Account(made["account_id"], email, "operator", *key, _api(platform, *key))


async def make_account(platform: Platform, operator: Account, kind: Kind, name: str, email: str) -> Account:
    """An account that an operator makes, on a plan that may link, with an API key."""
    body = {"kind": kind, "name": name, "email": email, "plan": PLANS[kind]}
    made = await operator.api.post("integration", "/accounts", body)
    wanted = {"name": "program", "scopes": ["read", "write"]}
    issued = await operator.api.post("integration", f"/accounts/{made['id']}/api-keys", wanted)
    key = issued["id"], issued["secret"]
    return Account(made["id"], name, kind, *key, _api(platform, *key))


async def make_link(shop: Account, threepl: Account, priority: int, **settings: Any) -> str:
    """An active link: the shop starts it, the 3PL chooses settings and activates; answers its id."""
    link = await shop.api.post("integration", "/links", {"account_id": threepl.id})
    path = f"/links/{link['id']}"
    await shop.api.put("integration", f"{path}/rules", {"priority": priority})
    await threepl.api.put("integration", f"{path}/settings", settings)
    active = await threepl.api.post("integration", f"{path}/activate")
    if active["status"] != "active":
        raise PlatformError(f"link {link['id']} is {active['status']} although both sides activated it")
    return str(link["id"])


async def endpoint_secret(threepl: Account, link_id: str) -> str:
    """The signing secret of a link's endpoint, once the webhook-dispatcher knows the link."""
    async with asyncio.timeout(60):
        while True:
            endpoints = threepl.api.pages("webhook-dispatcher", "/endpoints")
            async for endpoint in endpoints:
                if endpoint["link_id"] == link_id:
                    answer = await threepl.api.get(
                        "webhook-dispatcher", f"/endpoints/{endpoint['id']}/secret"
                    )
                    return str(answer["secret"])
            await asyncio.sleep(0.2)


def _api(platform: Platform, client_id: str, client_secret: str) -> Api:
    return Api({name: service.url for name, service in platform.services.items()}, client_id, client_secret)

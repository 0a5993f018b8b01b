"""Integration and its database are killed while requests come: each is done once, each mail written once."""

import asyncio
import uuid
from collections import Counter
from typing import Any

import httpx
import pytest

from deploy.local import mail
from deploy.local.people import Account, make_account, make_operator
from deploy.local.platform import Platform
from tests.chaos.kills import kill
from tests.harness import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

KEYS, INVITED = 240, 40
VICTIMS = ("integration", "postgres", "integration")
AT_ONCE = 6


async def test_a_request_that_is_repeated_until_it_is_answered_is_done_once_whatever_is_killed(
    platform: Platform,
) -> None:
    mark = uuid.uuid4().hex[:8]
    operator = await make_operator(platform, f"operator-{mark}@example.com")
    shop = await make_account(platform, operator, "shop", "Shop", f"shop-{mark}@example.com")
    token = await access_token(platform, shop)
    emails = [f"{number}-{mark}@north.example" for number in range(INVITED)]
    requests: list[tuple[str, dict[str, Any]]] = [
        (f"/accounts/{shop.id}/api-keys", {"name": f"key {number}", "scopes": ["read"]})
        for number in range(KEYS)
    ]
    for place, email in enumerate(emails):
        requests.insert(place * 6, ("/links", {"email": email}))
    answered: list[dict[str, Any]] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(all_answered(platform, token, requests, answered))
        tasks.create_task(kill_in_turn(platform, answered, len(requests)))
    made = [key async for key in shop.api.pages("integration", f"/accounts/{shop.id}/api-keys")]
    links = [link async for link in shop.api.pages("integration", "/links")]
    sent = await until("every invitation has arrived", lambda: arrived(platform, emails), 120)
    for account in (operator, shop):
        await account.api.close()
    assert {key["id"] for key in made} >= {each["id"] for each in answered if "scopes" in each}
    assert Counter(key["name"] for key in made) == Counter(
        ["program", *(f"key {number}" for number in range(KEYS))]
    )
    assert Counter(link["email"] for link in links) == Counter(emails)
    assert {link["id"] for link in links} == {each["id"] for each in answered if "status" in each}
    assert all(len(ids) == 1 for ids in sent.values())


async def access_token(platform: Platform, account: Account) -> str:
    form = {"grant_type": "client_credentials"}
    async with httpx.AsyncClient(base_url=platform.url("integration"), trust_env=False) as client:
        key = (account.client_id, account.client_secret)
        answer = await client.post("/oauth/token", data=form, auth=key)
    return str(answer.raise_for_status().json()["access_token"])


async def all_answered(
    platform: Platform,
    token: str,
    requests: list[tuple[str, dict[str, Any]]],
    answered: list[dict[str, Any]],
) -> None:
    """Sends the requests, some at once, each again under its key until it is answered."""
    headers = {"Authorization": f"Bearer {token}"}
    waiting = iter(requests)
    async with (
        httpx.AsyncClient(
            base_url=platform.url("integration"), headers=headers, timeout=10, trust_env=False
        ) as client,
        asyncio.TaskGroup() as senders,
    ):

        async def send() -> None:
            for path, body in waiting:
                key = str(uuid.uuid4())
                answered.append(await until("it is answered", lambda: made(client, path, body, key)))  # noqa: B023

        for _ in range(AT_ONCE):
            senders.create_task(send())


async def made(client: httpx.AsyncClient, path: str, body: dict[str, Any], key: str) -> dict[str, Any] | None:
    """The answer, None while there is none or the database is away."""
    try:
        answer = await client.post(path, json=body, headers={"Idempotency-Key": key})
    except httpx.TransportError:
        return None
    if answer.status_code == 503:
        return None
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def kill_in_turn(platform: Platform, answered: list[dict[str, Any]], all_of_them: int) -> None:
    """One victim after another, each once a good part more of the requests is answered."""
    for number, name in enumerate(VICTIMS, 1):
        wanted = all_of_them * number // (len(VICTIMS) + 1)

        async def enough(wanted: int = wanted) -> bool:
            return len(answered) >= wanted

        await until(f"{wanted} requests are answered", enough)
        await kill(platform, name)


async def arrived(platform: Platform, emails: list[str]) -> dict[str, set[str]] | None:
    """The Message-IDs that arrived at each address, once something has at every one."""
    assert platform.mailbox is not None
    found: dict[str, set[str]] = {email: set() for email in emails}
    for each in mail.read(platform.mailbox.folder):
        for address in each.to:
            if address in found:
                found[address].add(each.headers["Message-ID"])
    return found if all(found.values()) else None

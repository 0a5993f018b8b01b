"""From an e-mail that nobody has to an order at its new 3PL: the invitation out of a real SMTP server."""

import uuid
from typing import Any

import httpx
import pytest

from deploy.local import publish, sample_orders
from deploy.local.people import make_account, make_operator
from deploy.local.platform import Platform
from tests.builders import NOW
from tests.harness import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def mails(platform: Platform, to: str) -> list[dict[str, Any]]:
    """The mails that the platform's mail server took for an address, by its page for programs."""
    assert platform.mailbox is not None
    async with httpx.AsyncClient(base_url=platform.mailbox.url, trust_env=False) as client:
        answer = await client.get("/mails.json", params={"to": to})
    return list(answer.raise_for_status().json())


async def test_an_invited_3pl_accepts_by_the_mails_token_activates_and_gets_the_shops_orders(
    platform: Platform,
) -> None:
    mark = uuid.uuid4().hex[:8]
    email = f"invited-{mark}@north.example"
    operator = await make_operator(platform, f"operator-{mark}@example.com")
    shop = await make_account(platform, operator, "shop", "Teapot & Co", f"shop-{mark}@example.com")
    link = await shop.api.post("integration", "/links", {"email": email, "language": "de"})
    assert (link["status"], link["threepl_id"], link["email"]) == ("pending", None, email)

    async def arrived() -> list[dict[str, Any]]:
        return await mails(platform, email)

    [mail] = await until("the invitation has arrived by SMTP", arrived)
    assert mail["subject"] == "Teapot & Co lädt Sie zu Orderdock ein"
    assert "Teapot &amp; Co" in mail["html"]
    token = mail["text"].partition("#")[2].split()[0]

    async with httpx.AsyncClient(base_url=platform.url("integration"), trust_env=False) as invited:
        body = {"token": token, "name": "North", "person_name": "Ada", "password": "correct horse battery"}
        accepted = (await invited.post("/invitations/accept", json=body)).raise_for_status().json()
        invited.headers["Authorization"] = f"Bearer {accepted['session']['access_token']}"
        assert accepted["link"]["id"] == link["id"]
        threepl = accepted["account"]["id"]
        await operator.api.put("integration", f"/accounts/{threepl}/plan", {"plan": "conquer"})
        active = (await invited.post(f"/links/{link['id']}/activate")).raise_for_status().json()
        assert (active["status"], active["threepl_id"]) == ("active", threepl)
        await until("the router gives an order to the new 3PL", lambda: routed(platform, shop.id, invited))
    for account in (operator, shop):
        await account.api.close()


async def routed(platform: Platform, shop: str, threepl: httpx.AsyncClient) -> bool:
    """Publishes a new order of the shop; whether an order of its is the 3PL's by now."""
    document = {**sample_orders.document(3, NOW), "id": uuid.uuid4().hex}
    event = sample_orders.event(3, shop, document, "created", NOW)
    await publish.publish(platform.bootstrap_servers, [event])
    orders = await threepl.get(f"{platform.url('order-router')}/orders")
    held = orders.raise_for_status().json()["orders"]
    return any((order["shop_id"], order["holder"]) == (shop, "threepl") for order in held)

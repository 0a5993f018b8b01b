"""Fills an empty platform with sample accounts, links and orders."""

import json
from datetime import UTC, datetime

from deploy.local import publish, sample_orders
from deploy.local.people import Account, make_account, make_link, make_operator
from deploy.local.platform import Platform

FILE = "sample.json"
ORDERS = 60


async def fill(platform: Platform) -> str:
    """Makes an operator, two shops, two 3PLs, their links and orders, once a platform.

    Their API keys lie in `sample.json` of the platform's folder, for its owner only.
    """
    keys = platform.folder / FILE
    if keys.exists():
        return f"The sample data are here already; their API keys are in {keys}."
    operator = await make_operator(platform, "operator@sample.example")
    shops = [
        await make_account(platform, operator, "shop", name, f"{name.split()[0].lower()}@sample.example")
        for name in ("Teapot & Co", "Honey Works")
    ]
    threepls = [
        await make_account(platform, operator, "threepl", name, f"{name.split()[0].lower()}@sample.example")
        for name in ("North Fulfilment", "South Logistics")
    ]
    await make_link(shops[0], threepls[0], 1, client_reference="TEAPOT")
    await make_link(shops[0], threepls[1], 2)
    await make_link(shops[1], threepls[1], 1, charge_to="shop")
    at = datetime.now(UTC)
    events = [
        sample_orders.event(number, shops[number % 2].id, sample_orders.document(number, at), "created", at)
        for number in range(1, ORDERS + 1)
    ]
    await publish.publish(platform.bootstrap_servers, events)
    keys.touch(mode=0o600)
    keys.write_text(json.dumps([_key(account) for account in (operator, *shops, *threepls)], indent=2))
    return f"Sample data: 2 shops, 2 3PLs, 3 links, {ORDERS} orders; their API keys are in {keys}."


def _key(account: Account) -> dict[str, str]:
    return {
        "name": account.name,
        "kind": account.kind,
        "account_id": account.id,
        "client_id": account.client_id,
        "client_secret": account.client_secret,
    }

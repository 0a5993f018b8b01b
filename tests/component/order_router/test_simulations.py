"""Proposed rules tried on the shop's last orders: what `decide` makes of each, told while it goes."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from order_router.api.simulating import CHUNK
from order_router.routing import decide
from shared.contracts import orders
from shared.contracts.links import Link
from shared.contracts.rules import Rules
from tests.builders import SHOP, THREEPL, link, order
from tests.component.order_router.reading import (
    OPERATOR,
    OTHER_SHOP,
    OTHER_THREEPL,
    Reading,
    arrived,
    json_lines,
    reading,
)
from tests.conftest import MakeDatabase

LINKS = (
    link(rules=Rules(daily_limit=1)),
    link(id="link-2", threepl_id=OTHER_THREEPL),
    link(id="link-3", threepl_id=OTHER_THREEPL, status="deleted"),
)
MANY = 2 * CHUNK + 10
DEAR = {"conditions": [{"field": "total", "operator": "at_least", "value": "100.00"}]}


@pytest.fixture
async def api(make_database: MakeDatabase) -> AsyncIterator[Reading]:
    async with reading(make_database) as made:
        await made.link(*LINKS)
        yield made


def documents(number: int) -> dict[str, dict[str, Any]]:
    return {f"{each:04}": {"totals": {"total": f"{each}.00"}} for each in range(number)}


async def lay(api: Reading, number: int) -> None:
    outcomes = [arrived(order_id, **document) for order_id, document in documents(number).items()]
    await api.lay(*outcomes, apart=timedelta(seconds=1))


async def propose(api: Reading, who: str = SHOP, claims: Any = None, **body: Any) -> httpx.Response:
    proposal = {"link_id": "link-1", "rules": {"rules": [DEAR]}, **body}
    headers = api.headers(who, **(claims or {"scopes": {"read"}}))
    return await api.client.post("/simulations", headers=headers, json=proposal)


def decisions(links: list[Link], order_ids: list[str]) -> dict[str, str | None]:
    """Where each order goes, by the rule itself."""
    read = {
        order_id: orders.read(order(order_id, **documents(MANY)[order_id]), SHOP) for order_id in order_ids
    }
    return {order_id: decide(links, document, {}).link_id for order_id, document in read.items()}


async def test_a_simulation_is_what_the_rule_decides_of_each_order(api: Reading) -> None:
    await lay(api, MANY)
    last = MANY - 5
    answer = await propose(api, last=last)
    assert answer.headers["content-type"] == "application/x-ndjson"
    *progress, result = json_lines(answer.text)
    assert progress == [
        {"type": "progress", "done": done, "of": last} for done in (CHUNK, 2 * CHUNK, MANY - 5)
    ]
    tried = sorted(documents(MANY))[5:]
    proposed = LINKS[0].model_copy(update={"rules": Rules.model_validate({"rules": [DEAR]})})
    now, then = decisions([*LINKS], tried), decisions([proposed, *LINKS[1:]], tried)
    moving = [order_id for order_id in reversed(tried) if now[order_id] != then[order_id]]
    before, after = Counter(now.values()), Counter(then.values())
    examples = result.pop("examples")
    assert result == {
        "type": "result",
        "decided": last,
        "not_routable": 0,
        "unreadable": 0,
        "moving": len(moving),
        "links": [
            {"link_id": each, "now": before[each], "proposed": after[each]} for each in ("link-1", "link-2")
        ],
        "shop": {"now": 0, "proposed": 0},
        "limits": "ignored",
    }
    assert 0 < len(moving) < last
    assert [example["order_id"] for example in examples] == moving[:20]
    for example in examples:
        assert example["now"]["link_id"] == now[example["order_id"]]
        assert {each["link_id"] for each in example["proposed"]["verdicts"]} == {"link-1", "link-2"}


async def test_orders_that_were_never_to_be_routed_or_make_no_sense_are_counted_apart(api: Reading) -> None:
    await api.lay(arrived("1"), arrived("2", routable=False), arrived("3", cancelled=True), arrived("4"))
    await api.execute("UPDATE orders SET document = '{}' WHERE order_id = '4'")
    *_, result = json_lines((await propose(api)).text)
    told = {name: result[name] for name in ("decided", "not_routable", "unreadable")}
    assert told == {"decided": 1, "not_routable": 2, "unreadable": 1}


async def test_a_shop_without_orders_gets_a_result_at_once(api: Reading) -> None:
    [result] = json_lines((await propose(api)).text)
    assert (result["type"], result["decided"], result["moving"]) == ("result", 0, 0)


async def test_nothing_is_changed_by_a_simulation(api: Reading) -> None:
    await lay(api, 3)
    before = await api.get(f"/orders/{SHOP}/0001", SHOP)
    await propose(api)
    assert await api.get(f"/orders/{SHOP}/0001", SHOP) == before
    assert (await api.get(f"/explain/{SHOP}/0001", SHOP))["link_id"] is None


async def test_only_a_shops_administrators_and_managers_simulate_and_only_on_its_own_links(
    api: Reading,
) -> None:
    for who in (THREEPL, OPERATOR):
        assert (await propose(api, who)).status_code == 403
    for role, status in (("administrator", 200), ("manager", 200), ("warehouse", 403), ("support", 403)):
        assert (await propose(api, claims={"roles": {role}, "scopes": {"read"}})).status_code == status
    assert (await propose(api, OTHER_SHOP)).status_code == 404
    assert (await propose(api, link_id="link-3")).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"last": 0}, "last"),
        ({"last": 10_001}, "last"),
        ({"rules": {"polarty": "send"}}, "rules.polarty"),
        ({"rules": {"rules": [{"conditions": [{**DEAR["conditions"][0], "value": "x"}]}]}}, "rules.rules.0"),
        ({"link_id": "a\0"}, "link_id"),
        ({"rules": None}, "rules"),
    ],
)
async def test_a_proposal_that_means_nothing_is_refused_by_its_field(
    api: Reading, body: dict[str, Any], field: str
) -> None:
    answer = await propose(api, **body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"].startswith(field)

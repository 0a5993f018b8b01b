"""One order: its document, its decision told to each side, its history page by page."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest

from order_router.acts import Act, Assign, MoveOn, TakeOver, perform
from order_router.explanations import BY_HAND, CANCELLED, NOT_ROUTABLE
from order_router.lifecycle import bring_up
from order_router.orders import Actor, Outcome
from order_router.visibility import NOT_CHOSEN
from shared.contracts.links import Link
from tests.builders import NOW, SHOP, THREEPL, link
from tests.component.order_router.reading import (
    OPERATOR,
    OTHER_SHOP,
    OTHER_THREEPL,
    Reading,
    arrived,
    reading,
)
from tests.conftest import MakeDatabase

OTHER = link(id="link-2", threepl_id=OTHER_THREEPL, rules={"priority": 2})
BERT, ANNA = Actor(SHOP, "bert"), Actor(THREEPL, "anna")


@pytest.fixture
async def api(make_database: MakeDatabase) -> AsyncIterator[Reading]:
    async with reading(make_database) as made:
        yield made


def acted(before: Outcome, *acts: tuple[Act, Actor], known: Sequence[Link]) -> Outcome:
    """The order after acts, one after the other."""
    links = {each.id: each for each in known}
    for act, actor in acts:
        before = before.then(partial(perform, act=act, links=links, now=NOW, actor=actor))
    return before


async def test_an_order_is_its_shops_its_holders_and_operators_to_read(api: Reading) -> None:
    await api.link(link(), OTHER)
    await api.lay(arrived("a/1", link(), OTHER))
    for who in (SHOP, THREEPL, OPERATOR):
        told = await api.get(f"/orders/{SHOP}/a/1", who)
        assert (told["order"]["lines"][0]["sku"], told["link_id"]) == ("MUG", "link-1")
    limited = {"clients": {OTHER_SHOP}}
    for path in (f"/orders/{SHOP}/a/1", f"/explain/{SHOP}/a/1", f"/history/{SHOP}/a/1"):
        for who in (OTHER_SHOP, OTHER_THREEPL):
            assert (await api.ask(path, who)).status_code == 404, path
        assert (await api.ask(path, THREEPL, limited)).status_code == 404, path
        assert (await api.ask(path.replace("a/1", "2"), SHOP)).status_code == 404


async def test_a_3pl_learns_nothing_of_the_shops_other_links(api: Reading) -> None:
    await api.link(link(), OTHER)
    routed = arrived("1", link(), OTHER)
    by_hand = acted(routed, (TakeOver(), BERT), (Assign("link-2"), BERT), known=(link(), OTHER))
    await api.lay(by_hand)
    shops = await api.get(f"/orders/{SHOP}/1", SHOP)
    assert {each["link_id"] for each in shops["decision"]["verdicts"]} == {"link-1", "link-2"}
    assert [line["act"] for line in shops["history"]] == ["assign", "take_over", "routed"]
    told = await api.get(f"/orders/{SHOP}/1", OTHER_THREEPL)
    assert told["decision"] == {
        "link_id": None,
        "reason": NOT_CHOSEN,
        "verdicts": [{"link_id": "link-2", "reason": NOT_CHOSEN}],
    }
    assert [line["act"] for line in told["history"]] == ["assign"]
    explained = await api.get(f"/explain/{SHOP}/1", OTHER_THREEPL)
    assert (explained["routed_at"], explained["sentence"]) == (None, BY_HAND)
    for path in ("orders", "explain", "history"):
        assert "link-1" not in (await api.ask(f"/{path}/{SHOP}/1", OTHER_THREEPL)).text


async def test_which_person_acted_is_told_to_its_own_account_and_operators(api: Reading) -> None:
    await api.link(link())
    await api.lay(
        acted(
            arrived("1", link()),
            (MoveOn("start"), ANNA),
            (TakeOver(), BERT),
            known=(link(),),
        )
    )
    by = {
        who: [line["by"] for line in (await api.get(f"/history/{SHOP}/1", who))["history"]]
        for who in (SHOP, THREEPL, OPERATOR)
    }
    assert by == {SHOP: ["bert", None, None], THREEPL: [None, "anna", None], OPERATOR: ["bert", "anna", None]}
    told = (await api.get(f"/history/{SHOP}/1", THREEPL))["history"]
    assert [(line["act"], line["who"], line["stage"]) for line in told] == [
        ("take_over_requested", SHOP, "picking"),
        ("start", THREEPL, "picking"),
        ("routed", None, "open"),
    ]


async def test_a_long_history_goes_on_page_by_page(api: Reading) -> None:
    await api.link(link())
    to_and_fro: list[tuple[Act, Actor]] = [(Assign("link-1"), BERT), (TakeOver(), BERT)]
    moved = acted(arrived("1"), *to_and_fro * 60, known=(link(),))
    await api.lay(moved)
    told = await api.get(f"/orders/{SHOP}/1", SHOP)
    lines, cursor = told["history"], told["history_cursor"]
    assert len(lines) == 50
    while cursor is not None:
        page = await api.get(f"/history/{SHOP}/1", SHOP, cursor=cursor, limit=30)
        lines += page["history"]
        cursor = page["next_cursor"]
    assert [line["act"] for line in lines] == [*["take_over", "assign"] * 60, "routed"]


async def test_a_decision_is_explained_with_each_link_that_was_considered(api: Reading) -> None:
    await api.link(link(), OTHER)
    await api.lay(arrived("1", link(), OTHER))
    told = await api.get(f"/explain/{SHOP}/1", SHOP)
    assert (told["routed"], told["routed_at"], told["link_id"]) == (True, "2026-11-23T12:00:00Z", "link-1")
    assert {each["link_id"]: each["reason"] for each in told["verdicts"]} == {
        "link-1": "chosen",
        "link-2": "priority 2 comes after 1",
    }
    assert told["sentence"] == "The router sent it to link link-1: link link-1 comes first."
    own = await api.get(f"/explain/{SHOP}/1", THREEPL)
    assert own == {**told, "verdicts": [{"link_id": "link-1", "reason": "chosen"}]}


async def test_it_is_explained_why_an_order_went_to_nobody_or_not_where_it_was_sent(api: Reading) -> None:
    await api.link(link())
    released = arrived("4", link()).then(lambda order: bring_up(order, link(epoch=1), NOW))
    await api.lay(
        arrived("1"),
        arrived("2", routable=False),
        arrived("3", cancelled=True),
        released,
    )
    sentences = [(await api.get(f"/explain/{SHOP}/{number}", SHOP))["sentence"] for number in (1, 2, 3, 4)]
    assert sentences == [
        "The router left it with the shop: the shop has no active link.",
        NOT_ROUTABLE,
        CANCELLED,
        "The router sent it to link link-1: link link-1 comes first. Now the shop has it.",
    ]

"""Lists and counts of orders: who sees which, every filter, pages walked to their end."""

import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from order_router.acts import STAGES
from order_router.orders import Outcome
from shared.contracts.assignments import Stage
from shared.contracts.links import Link
from shared.contracts.shipments import Consignment, Parcel
from tests.builders import NOW, SHOP, THREEPL, account_id, link
from tests.component.order_router.reading import (
    OPERATOR,
    OTHER_SHOP,
    OTHER_THREEPL,
    Reading,
    arrived,
    having,
    reading,
    under,
)
from tests.conftest import MakeDatabase

THIRD_SHOP = account_id("shop", 3)
LINKS = (
    link(id="link-a", epoch=2),
    link(id="link-b", threepl_id=OTHER_THREEPL),
    link(id="link-c", shop_id=OTHER_SHOP, epoch=1),
    link(id="link-d", shop_id=OTHER_SHOP, threepl_id=OTHER_THREEPL, status="deleted", epoch=1),
)
NAMES = ("Ada Lovelace", "Grace Hopper", "100% Tea_Room", "Ümit Öz")


@dataclass(frozen=True)
class Laid:
    """An order in the database, and under which link, if any, it is now; `words` is what finds it."""

    shop_id: str
    order_id: str
    stage: Stage
    link: Link | None
    created_at: datetime
    words: str

    @property
    def holder(self) -> str:
        return "threepl" if self.link else "shop"


@pytest.fixture
async def api(make_database: MakeDatabase) -> AsyncIterator[Reading]:
    async with reading(make_database) as made:
        yield made


async def lay_many(api: Reading, number: int) -> list[Laid]:
    """Orders by chance: several at a moment, some open ones of links that have moved on since."""
    chance = random.Random(number)
    await api.link(*LINKS)
    made = [one(chance, each) for each in range(number)]
    for at in sorted({laid.created_at for _, laid in made}):
        await api.lay(*(outcome for outcome, laid in made if laid.created_at == at), at=at)
    return [laid for _, laid in made]


def one(chance: random.Random, number: int) -> tuple[Outcome, Laid]:
    shop = chance.choice((SHOP, SHOP, OTHER_SHOP, THIRD_SHOP))
    of = chance.choice([each for each in LINKS if each.shop_id == shop] + [None])
    stage = chance.choice(STAGES) if of else chance.choice(("open", "cancelled"))
    epoch = chance.randint(0, of.epoch) if of else 0
    name, order_id = chance.choice(NAMES), f"{number:04}"
    consignment = sent(number) if stage in ("shipped", "delivered") else None
    outcome = having(
        arrived(order_id, shop=shop, client={"name": name, "email": f"{number}@buyer.example"}),
        stage=stage,
        holding=under(of, epoch) if of else None,
        consignment=consignment,
    )
    words = f"#{order_id} {order_id} {name} {number}@buyer.example".lower()
    held = of if of and not (stage == "open" and epoch < of.epoch) else None
    tracked = f'{words} jd"{number}' if consignment else words
    return outcome, Laid(shop, order_id, stage, held, NOW + timedelta(seconds=number // 3), tracked)


def sent(number: int) -> Consignment:
    """Nothing but the tracking number finds an order by it."""
    return Consignment(carrier="Weight", tracking_number=f'JD"{number}', parcels=(Parcel(weight=5),))


def seen_by(who: str, each: Laid, clients: set[str] | None) -> bool:
    if who == OPERATOR:
        return True
    if who.startswith("S"):
        return each.shop_id == who
    return each.link is not None and each.link.threepl_id == who and (not clients or each.shop_id in clients)


def passes(each: Laid, query: Mapping[str, Any]) -> bool:
    return (
        query.get("shop_id", each.shop_id) == each.shop_id
        and each.stage in query.get("stage", STAGES)
        and query.get("holder", each.holder) == each.holder
        and ("link_id" not in query or (each.link is not None and each.link.id == query["link_id"]))
        and all(word in each.words for word in query.get("text", "").lower().split())
        and NOW + timedelta(seconds=query.get("since", 0)) <= each.created_at
        and each.created_at < NOW + timedelta(seconds=query.get("until", 10**6))
    )


def some_filters(chance: random.Random) -> dict[str, Any]:
    """Up to three filters."""
    every = {
        "shop_id": chance.choice((SHOP, OTHER_SHOP, THIRD_SHOP)),
        "stage": chance.sample(STAGES, chance.randint(1, 3)),
        "holder": chance.choice(("shop", "threepl")),
        "link_id": chance.choice([each.id for each in LINKS] + ["link-of-nobody"]),
        "text": chance.choice(
            ("ADA", "hopper 00", "0%", "a_r", "buyer.example", 'jd"1', 'grace jd"', "weight", "\\", "ümit")
        ),
        "since": chance.randint(0, 60),
        "until": chance.randint(0, 60),
    }
    return {name: every[name] for name in chance.sample(sorted(every), chance.randint(0, 3))}


def in_moments(query: Mapping[str, Any]) -> dict[str, Any]:
    """The query as it is sent: moments are given in seconds after `NOW`."""
    moments = {
        name: (NOW + timedelta(seconds=query[name])).isoformat()
        for name in ("since", "until")
        if name in query
    }
    return {**query, **moments}


def keys(orders: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(order["shop_id"], order["order_id"]) for order in orders]


async def test_pages_walked_to_the_end_are_the_whole_list_filtered(api: Reading) -> None:
    laid = await lay_many(api, 180)
    newest = sorted(laid, key=lambda each: (each.created_at, each.shop_id, each.order_id), reverse=True)
    chance, found = random.Random(1), 0
    callers: list[tuple[str, set[str] | None]] = [
        (who, None) for who in (SHOP, OTHER_SHOP, THREEPL, OTHER_THREEPL, OPERATOR, account_id("threepl", 9))
    ]
    callers += [(THREEPL, {OTHER_SHOP, THIRD_SHOP}), (OTHER_THREEPL, {SHOP, OTHER_SHOP})]
    for who, clients in callers * 10:
        query, limit = some_filters(chance), chance.choice((3, 50, 200))
        listed = await api.all_pages(who, limit, {"clients": clients}, **in_moments(query))
        wanted = [each for each in newest if seen_by(who, each, clients) and passes(each, query)]
        assert keys(listed) == [(each.shop_id, each.order_id) for each in wanted], (who, clients, query)
        assert [order["holder"] for order in listed] == [each.holder for each in wanted]
        found += len(wanted)
    assert found > 500


async def test_counts_are_those_of_the_lists(api: Reading) -> None:
    laid = await lay_many(api, 120)
    for who, clients in itertools.chain(
        ((who, None) for who in (SHOP, OTHER_SHOP, THREEPL, OTHER_THREEPL, OPERATOR)),
        [(THREEPL, {OTHER_SHOP})],
    ):
        for shop_id in (None, OTHER_SHOP):
            query = {"shop_id": shop_id} if shop_id else {}
            counted = (await api.get("/orders/counts", who, {"clients": clients}, **query))["counts"]
            wanted = Counter(
                (each.shop_id, each.stage, each.holder)
                for each in laid
                if seen_by(who, each, clients) and passes(each, query)
            )
            told = {(count["shop_id"], count["stage"], count["holder"]): count["orders"] for count in counted}
            assert (told, len(counted)) == (wanted, len(wanted)), (who, clients, shop_id)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("shop_id", "S-1"),
        ("stage", "packed"),
        ("holder", "nobody"),
        ("link_id", ""),
        ("link_id", "a\0"),
        ("text", " "),
        ("text", "a\0b"),
        ("text", "x" * 101),
        ("since", "2026-11-23T12:00:00"),
        ("since", "yesterday"),
        ("until", "0001-01-01T00:00:00+14:00"),
        ("cursor", "NQ=="),
        ("limit", "201"),
    ],
)
async def test_a_parameter_that_means_nothing_is_refused_by_its_name(
    api: Reading, name: str, bad: str
) -> None:
    answer = await api.ask("/orders", SHOP, None, **{name: bad})
    assert answer.status_code == 422, answer.text
    field = answer.json()["errors"][0]["field"]
    assert field.partition(".")[0] == name


async def test_reading_needs_a_token_with_the_scope(api: Reading) -> None:
    for path in ("/orders", "/orders/counts", "/orders/export", f"/orders/{SHOP}/1", f"/explain/{SHOP}/1"):
        assert (await api.client.get(path)).status_code == 401, path
        assert (await api.ask(path, SHOP, {"scopes": {"write"}})).status_code == 403, path

"""The orders and links of a bench."""

from statistics import mean

from shared.contracts import cloudevents, orders
from shared.contracts.rules import Rules
from tests.bench.order_router import links
from tests.bench.order_router.orders import events


def test_the_first_links_are_the_same_however_many_are_made() -> None:
    assert links.make(30)[:10] == links.make(10)


def test_shops_have_one_to_three_links_and_no_two_links_are_the_same() -> None:
    made = links.make(600)
    of_shops = [[link.id for link in made if link.shop_id == shop] for shop in links.shops_of(made)]
    assert {len(ids) for ids in of_shops} == {1, 2, 3}
    assert len({link.id for link in made}) == 600


def test_every_shop_has_an_active_link_that_takes_every_order() -> None:
    made = links.make(10)
    taking = [link for link in made if link.status == "active" and link.rules == Rules(priority=2)]
    assert {link.shop_id for link in taking} == set(links.shops_of(made))


def test_every_event_holds_an_order_of_one_of_the_shops() -> None:
    shops = links.shops_of(links.make(10))
    for event in events(shops, 1, 100):
        read = cloudevents.read(event.value, {})
        assert orders.read(read.data, orders.shop_of(read.source)).shop in shops


def test_an_event_is_of_one_to_two_kibibytes_and_each_of_another_order() -> None:
    made = events(["S-0000-0000"], 1, 500)
    assert 1024 < mean(len(event.value) for event in made) < 2048
    assert len({event.key for event in made}) == 500

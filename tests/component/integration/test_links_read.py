"""Links read through the real API and database: one, its history, and lists, by those who may see them."""

from tests.component.integration.conftest import World
from tests.component.integration.test_links import active, kind, started


async def test_the_history_tells_who_did_what_and_when(world: World) -> None:
    shop, threepl = await world.pair()
    link = await active(shop, threepl)
    await threepl.put(f"/links/{link.id}/settings", {"charge_to": "shop"})
    await shop.delete(f"/links/{link.id}")
    lines = (await threepl.get(f"/links/{link.id}/history")).json()["history"]
    assert [(line["version"], line["act"], line["who"]) for line in lines] == [
        (4, "delete", shop.id),
        (3, "change_settings", threepl.id),
        (2, "activate", threepl.id),
        (1, "start", shop.id),
    ]
    assert lines[0]["changes"] == {
        "status": {"from": "active", "to": "deleted"},
        "epoch": {"from": 0, "to": 1},
    }
    assert lines[1]["changes"] == {"settings.charge_to": {"from": "threepl", "to": "shop"}}
    first = (await threepl.get(f"/links/{link.id}/history", limit=3)).json()
    rest = (await threepl.get(f"/links/{link.id}/history", cursor=first["next_cursor"])).json()
    assert [*first["history"], *rest["history"]] == lines
    assert rest["next_cursor"] is None


async def test_anothers_link_is_not_there_and_operators_only_read(world: World) -> None:
    shop, threepl = await world.pair()
    strangers = await world.pair()
    link = await started(shop, threepl)
    path = f"/links/{link.id}"
    for stranger in strangers:
        for answer in (
            await stranger.get(path),
            await stranger.get(f"{path}/history"),
            await stranger.post(f"{path}/activate"),
            await stranger.post(f"{path}/deactivate"),
            await stranger.delete(path),
            await stranger.put(f"{path}/settings", {}),
            await stranger.put(f"{path}/rules", {}),
        ):
            assert (answer.status_code, kind(answer)) == (404, "not-found")
        assert (await stranger.get("/links")).json() == {"links": [], "next_cursor": None}
    assert (await world.operator.get(path)).json()["id"] == link.id
    refused = await world.operator.post(f"{path}/activate")
    assert (refused.status_code, kind(refused)) == (403, "forbidden")


async def test_links_are_listed_newest_first_page_by_page_and_by_status(world: World) -> None:
    shop = await world.account("shop")
    made = [await started(shop, await world.account("threepl")) for _ in range(5)]
    await shop.delete(f"/links/{made[2].id}")
    found, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await shop.get("/links", **query)).json()
        found += [link["id"] for link in page["links"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [link.id for link in reversed(made)]
    gone = (await shop.get("/links", status="deleted")).json()["links"]
    assert [link["id"] for link in gone] == [made[2].id]
    for wrong in ({"limit": 0}, {"limit": 201}, {"cursor": "x"}, {"status": "gone"}):
        assert (await shop.get("/links", **wrong)).status_code == 422

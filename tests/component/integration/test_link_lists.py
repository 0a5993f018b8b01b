"""Lists of links: by status, by the other side, by words, page by page."""

from tests.component.integration.conftest import Person, World


async def named(world: World, name: str, kind: str = "shop") -> Person:
    """An account of this name that may link."""
    email = f"{name.partition(' ')[0].lower()}@{kind}.example"
    new = {"kind": kind, "email": email, "name": name, "plan": "conquer"}
    made = (await world.operator.post("/accounts", new)).json()
    return await world.program(made["id"], email)


async def found(by: Person, **query: str) -> set[str]:
    """The names of the shops of the links that are listed."""
    answer = await by.get("/links", **query)
    assert answer.status_code == 200, answer.text
    return {link["shop_name"] or link["email"] for link in answer.json()["links"]}


async def test_links_are_found_by_words_of_the_other_sides_name_id_email_or_reference(world: World) -> None:
    threepl = await named(world, "North Fulfilment", "threepl")
    for name in ("Teapot & Co", "Tea Müller", "Honey Works"):
        shop = await named(world, name)
        link = (await threepl.post("/links", {"account_id": shop.id})).json()
        await threepl.put(f"/links/{link['id']}/settings", {"client_reference": f"REF-{name[:3]}"})
    await threepl.post("/links", {"email": "late@shop.example"})
    for words, names in (
        ("tea", {"Teapot & Co", "Tea Müller"}),
        ("MÜLL tea", {"Tea Müller"}),
        (shop.id, {"Honey Works"}),
        ("late@", {"late@shop.example"}),
        ("ref-hon", {"Honey Works"}),
        ("North", set()),
        ("'", set()),
        ("\\", set()),
        ("a' & !b:*", set()),
        ("& | ! ( ) :*", set()),
    ):
        assert await found(threepl, text=words) == names, words
    assert await found(shop, text="north") == {"Honey Works"}
    assert await found(shop, text="honey") == set()
    assert await found(world.operator, text="north honey") == {"Honey Works"}


async def test_filters_go_together_and_with_pages(world: World) -> None:
    threepl = await named(world, "North Fulfilment", "threepl")
    shops = [await named(world, f"Tea{number} Shop") for number in range(5)]
    ids = [(await threepl.post("/links", {"account_id": shop.id})).json()["id"] for shop in shops]
    for shop, link_id in list(zip(shops, ids, strict=True))[:3]:
        await shop.post(f"/links/{link_id}/activate")
    assert await found(threepl, status="pending") == {"Tea3 Shop", "Tea4 Shop"}
    assert await found(threepl, status="active", text="tea1") == {"Tea1 Shop"}
    assert await found(threepl, other_side=shops[4].id) == {"Tea4 Shop"}
    assert await found(threepl, other_side=shops[4].id, status="active") == set()
    assert await found(shops[0], other_side=threepl.id) == {"Tea0 Shop"}
    query = {"text": "tea", "status": "active", "limit": "2"}
    first = (await threepl.get("/links", **query)).json()
    rest = (await threepl.get("/links", **query, cursor=first["next_cursor"])).json()
    listed = [link["id"] for link in (*first["links"], *rest["links"])]
    assert (listed, rest["next_cursor"]) == (list(reversed(ids[:3])), None)


async def test_a_filter_that_means_nothing_is_refused_by_its_name(world: World) -> None:
    threepl = await world.account("threepl")
    for wrong in ({"text": " "}, {"text": "x" * 101}, {"other_side": "S-1"}, {"text": "a\x00"}):
        answer = await threepl.get("/links", **wrong)
        assert answer.status_code == 422, wrong


async def test_the_other_side_is_found_by_exact_email_or_id_only(world: World) -> None:
    shop, threepl = await world.pair()
    for query in ({"account_id": threepl.id}, {"email": threepl.email.upper()}):
        answer = await shop.get("/directory", **query)
        assert answer.json() == {"id": threepl.id, "kind": "threepl", "name": "The threepl"}
    for query in ({"email": shop.email}, {"email": threepl.email[:-1]}):
        assert (await shop.get("/directory", **query)).status_code == 404
    for wrong in ({}, {"email": "x"}, {"email": "a@b.example", "account_id": threepl.id}):
        assert (await shop.get("/directory", **wrong)).status_code == 422

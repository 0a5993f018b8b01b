"""A link's settings and rules: whose they are, who sees them, what is refused."""

from integration.app import Settings
from shared.contracts.links import Link
from tests.component.integration.conftest import World, kind_of
from tests.component.integration.test_links import announced, started


async def test_settings_are_replaced_and_open_orders_named_on_request(
    world: World, settings: Settings
) -> None:
    shop, threepl = await world.pair()
    link = await started(shop, threepl)
    path = f"/links/{link.id}/settings"
    first = {"webhook_url": "https://hooks.example.com/a", "client_reference": "client-7"}
    set_first = (await threepl.put(path, first)).json()
    assert (set_first["version"], set_first["open_settings"]) == (2, {})
    assert set_first["settings"] == {
        "shipping_rules_from": "threepl",
        "charge_to": "threepl",
        "support_tickets_from": "threepl",
        **first,
    }
    changed = await threepl.put(
        path, {"webhook_url": first["webhook_url"]}, params={"apply_to": "open_orders"}
    )
    link = Link.model_validate(changed.json())
    assert {name: (kept.value, kept.version) for name, kept in link.open_settings.items()} == {
        "client_reference": ("", 3),
        "webhook_url": (first["webhook_url"], 3),
    }
    assert (await announced(settings, 3))[-1] == link


async def test_a_webhook_url_is_shown_to_its_3pl_and_not_to_the_shop(world: World) -> None:
    shop, threepl = await world.pair()
    link = await started(shop, threepl)
    body = {"webhook_url": "https://hooks.example.com/t0ken", "client_reference": "client-7"}
    await threepl.put(f"/links/{link.id}/settings", body, params={"apply_to": "open_orders"})
    for path in ("/links", f"/links/{link.id}", f"/links/{link.id}/history"):
        assert "t0ken" in (await threepl.get(path)).text
        seen = (await shop.get(path)).text
        assert "t0ken" not in seen
        assert "client-7" in seen
    assert "t0ken" not in (await shop.post(f"/links/{link.id}/deactivate")).text


async def test_each_side_changes_only_what_is_its_own(world: World) -> None:
    shop, threepl = await world.pair()
    link = await started(shop, threepl)
    for answer in (
        await shop.put(f"/links/{link.id}/settings", {"charge_to": "shop"}),
        await threepl.put(f"/links/{link.id}/rules", {"priority": 2}),
    ):
        assert (answer.status_code, kind_of(answer)) == (403, "wrong-side")
    assert (await shop.put(f"/links/{link.id}/rules", {"priority": 2})).json()["rules"]["priority"] == 2


WRONG_SETTINGS = [
    ({"webhook_url": "http://hooks.example.com"}, "webhook_url"),
    ({"webhook_url": "https://127.0.0.1/x"}, "webhook_url"),
    ({"webhook_url": "https://169.254.169.254/latest"}, "webhook_url"),
    ({"webhook_url": ""}, "webhook_url"),
    ({"webhook_url": "https://x.example/" + "a" * 3000}, "webhook_url"),
    ({"charge_to": "nobody"}, "charge_to"),
    ({"client_reference": "a\u202eb"}, "client_reference"),
    ({"client_reference": "a\x00b"}, "client_reference"),
    ({"client_reference": "a" * 201}, "client_reference"),
    ({"webhok_url": "https://hooks.example.com"}, "webhok_url"),
]


async def test_a_wrong_setting_is_refused_by_its_name(world: World) -> None:
    shop, threepl = await world.pair()
    link = await started(shop, threepl)
    for body, field in WRONG_SETTINGS:
        answer = await threepl.put(f"/links/{link.id}/settings", body)
        assert (answer.status_code, kind_of(answer)) == (422, "invalid-request"), body
        assert answer.json()["errors"][0]["field"].startswith(field)
    assert (await shop.get(f"/links/{link.id}")).json()["version"] == 1

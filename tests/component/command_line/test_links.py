"""`orderdock links`: started, switched, their settings and rules changed, deleted."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.component.command_line.conftest import Desk, Said

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHOP, THREEPL = ("--as", "teapot"), ("--as", "north")


async def started(pair: Desk) -> dict[str, Any]:
    """A link that the shop has started."""
    link: dict[str, Any] = await pair.ask(
        "links", "start", pair.keys["North Fulfilment"]["account_id"], *SHOP
    )
    return link


async def test_a_link_is_started_by_one_side_and_activated_by_the_other(pair: Desk) -> None:
    north = pair.keys["North Fulfilment"]["account_id"]
    said = await pair.run("links", "start", north, *SHOP)
    [link] = await pair.ask("links", "list", *THREEPL)
    assert said.out == (
        f"The link {link['id']} with North Fulfilment ({north}) is pending until that side activates it.\n"
    )
    active = await pair.run("links", "activate", link["id"], *THREEPL)
    assert active.out == f"The link {link['id']} is active.\n"
    history = await pair.ask("links", "history", link["id"], *SHOP)
    assert [(line["version"], line["act"]) for line in history] == [(2, "activate"), (1, "start")]
    assert "status: pending → active" in (await pair.run("links", "history", link["id"], *SHOP)).out


async def test_a_starter_is_told_why_its_own_link_waits(pair: Desk) -> None:
    link = await started(pair)
    said = await pair.run("links", "activate", link["id"], *SHOP)
    assert said.exit_code == 1
    assert said.error.startswith("You started this link, so your switch is on already;")


async def test_a_deactivated_link_waits_for_who_deactivated_it(pair: Desk) -> None:
    link = await started(pair)
    await pair.ask("links", "activate", link["id"], *THREEPL)
    said = await pair.run("links", "deactivate", link["id"], *SHOP)
    assert said.out == (
        f"The link {link['id']} is inactive, your switch off; open orders go back to the shop.\n"
    )
    assert "3PL" in (await pair.run("links", "show", link["id"], *SHOP)).out
    assert (await pair.ask("links", "deactivate", link["id"], *THREEPL))["threepl_on"] is False
    again = await pair.run("links", "activate", link["id"], *SHOP)
    assert again.out == f"The link {link['id']} is inactive: it waits for the other side's switch.\n"


async def test_an_act_meant_for_another_version_changes_nothing(pair: Desk) -> None:
    link = await started(pair)
    said = await pair.run("links", "activate", link["id"], "--if-match", "7", *THREEPL)
    assert said.exit_code == 1
    assert said.error.startswith("The link is at version 1 by now; read it again and decide anew.")
    done = await pair.ask("links", "activate", link["id"], "--if-match", "1", *THREEPL)
    assert done["version"] == 2


async def test_links_are_found_by_status_other_side_and_words(pair: Desk) -> None:
    link, north = await started(pair), pair.keys["North Fulfilment"]["account_id"]
    for filters in ("--status", "pending"), ("--other", north), ("--text", "fulf"):
        assert await pair.ask("links", "list", *filters, *SHOP) == [link]
    none = await pair.run("links", "list", "--status", "active", *SHOP)
    assert none.out == "There are no such links.\n"
    assert "North Fulfilment" in (await pair.run("links", "list", *SHOP)).out
    assert await pair.ask("links", "show", link["id"], *SHOP) == link


async def test_a_setting_is_changed_and_the_others_stay(pair: Desk) -> None:
    settings = ["links", "settings", (await started(pair))["id"]]
    url = "https://north.example/hook"
    await pair.ask(*settings, "--webhook-url", url, "--client-reference", "TEAPOT", *THREEPL)
    await pair.ask(*settings, "--charge-to", "shop", *THREEPL)
    assert await pair.ask(*settings, *THREEPL) == {
        "shipping_rules_from": "threepl",
        "charge_to": "shop",
        "support_tickets_from": "threepl",
        "client_reference": "TEAPOT",
        "webhook_url": url,
    }
    assert url in (await pair.run(*settings, *THREEPL)).out
    assert (await pair.ask(*settings, "--no-webhook-url", *THREEPL))["webhook_url"] is None


async def test_settings_are_meant_for_open_orders_too_only_if_asked(pair: Desk) -> None:
    link = await started(pair)
    await pair.ask("links", "settings", link["id"], "--charge-to", "shop", *THREEPL)
    assert (await pair.ask("links", "show", link["id"], *THREEPL))["open_settings"] == {}
    await pair.ask("links", "settings", link["id"], "--open-orders", *THREEPL)
    meant = (await pair.ask("links", "show", link["id"], *THREEPL))["open_settings"]
    assert meant["charge_to"] == {"value": "shop", "version": 3}


async def test_settings_are_the_3pls_and_rules_the_shops(pair: Desk) -> None:
    link = await started(pair)
    settings = await pair.run("links", "settings", link["id"], "--charge-to", "shop", *SHOP)
    assert settings.error.startswith("The settings of a link are the 3PL side's to change.")
    rules = await pair.run("links", "rules", link["id"], "--priority", "2", *THREEPL)
    assert rules.error.startswith("The rules of a link are the shop side's to change.")


async def test_rules_come_from_a_file_and_single_parts_of_them_from_options(
    pair: Desk, tmp_path: Path
) -> None:
    rules, file = ["links", "rules", (await started(pair))["id"]], tmp_path / "rules.json"
    condition = {"field": "total", "operator": "between", "value": ["5.00", "90.00"], "currency": "EUR"}
    file.write_text(json.dumps({"rules": [{"conditions": [condition]}], "priority": 3}))
    await pair.ask(*rules, "--file", str(file), *SHOP)
    changed = await pair.ask(*rules, "--share", "5", "--daily-limit", "100", *SHOP)
    assert changed == {
        "polarity": "send",
        "rules": [{"conditions": [condition]}],
        "priority": 3,
        "share": 5,
        "daily_limit": 100,
    }
    assert "total between 5.00, 90.00 EUR" in (await pair.run(*rules, *SHOP)).out
    turned = json.dumps({**changed, "polarity": "dont_send"})
    again = await pair.ask(*rules, "--file", "-", "--no-daily-limit", *SHOP, typed=turned)
    assert again == {**changed, "polarity": "dont_send", "daily_limit": None}


async def test_a_file_of_rules_that_is_none_is_refused_in_words(pair: Desk, tmp_path: Path) -> None:
    link, file = await started(pair), tmp_path / "rules.json"

    async def given(text: str) -> Said:
        file.write_text(text)
        return await pair.run("links", "rules", link["id"], "--file", str(file), *SHOP)

    assert (await given("{")).error.startswith(f"{file} can't be read as JSON: ")
    assert (await given("[]")).error.startswith(f"{file} must hold one JSON object")
    assert (await given('{"rules": [{"conditions": []}]}')).error.startswith("rules.0.conditions: ")


async def test_a_link_is_deleted_once_it_is_said_what_becomes_of_its_orders(pair: Desk) -> None:
    link = await started(pair)
    await pair.ask("links", "activate", link["id"], *THREEPL)
    kept = await pair.run("links", "delete", link["id"], *SHOP, typed="n\n")
    assert kept.exit_code == 1
    assert "Its open orders go back to the shop, the 3PL keeps all others." in kept.error
    assert (await pair.ask("links", "show", link["id"], *SHOP))["status"] == "active"
    said = await pair.run("links", "delete", link["id"], *SHOP, typed="y\n")
    assert said.out.endswith(f"The link {link['id']} is deleted.\n")
    again = await pair.run("links", "delete", link["id"], "--yes", *SHOP)
    assert again.error.startswith("This link is deleted; either side may start a new one.")
    another = await started(pair)
    assert (await pair.ask("links", "delete", another["id"], "--yes", *SHOP))["status"] == "deleted"


async def test_options_that_contradict_each_other_are_wrong_usage(pair: Desk) -> None:
    link = ["00000000-0000-0000-0000-000000000000"]
    for command in (
        ["settings", *link, "--webhook-url", "https://north.example", "--no-webhook-url"],
        ["rules", *link, "--daily-limit", "1", "--no-daily-limit"],
        ["settings", *link, "--charge-to", "nobody"],
    ):
        assert (await pair.run("links", *command, *SHOP)).exit_code == 2

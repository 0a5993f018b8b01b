"""`orderdock endpoints` at a running dispatcher: listed, tried, enabled, paced, their secrets replaced."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import typer

from deploy.cli import endpoint_facts
from deploy.local import cli
from tests.component.command_line.conftest import Desk, Running, Said
from tests.component.command_line.dispatching import THREEPL, Dispatcher, Webhooks, dispatching, linked
from tests.component.command_line.test_connection import options_of
from tests.conftest import MakeDatabase
from tests.harness import until
from tests.servers import Servers
from tests.signatures import verified_by_public_key, verified_by_secret

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dispatcher(
    servers: Servers, template: MakeDatabase, running: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Dispatcher]:
    async with dispatching(servers, template, running, tmp_path_factory.mktemp("dispatcher")) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def webhooks(pair: Desk, dispatcher: Dispatcher) -> Webhooks:
    return await linked(pair, dispatcher)


async def said_of(webhooks: Webhooks, *command: str, typed: str = "") -> Said:
    return await webhooks.desk.run("endpoints", *command, *THREEPL, typed=typed)


async def test_endpoints_are_listed_and_shown(webhooks: Webhooks) -> None:
    none = await said_of(webhooks, "list")
    assert none.out.startswith("There are no endpoints: a link has one once `orderdock links settings`")
    [delivery] = await webhooks.sent("1")
    url = webhooks.dispatcher.receiver.url + webhooks.path
    table = (await said_of(webhooks, "list")).out
    for cell in delivery["endpoint_id"], url, webhooks.shop, "enabled", "closed":
        assert cell in table
    for filters in ["--link", webhooks.link_id, "--enabled"], ["--shop", webhooks.shop, "--healthy"]:
        found = await webhooks.desk.ask("endpoints", "list", *filters, *THREEPL)
        assert [each["id"] for each in found] == [delivery["endpoint_id"]], filters
    failing = await said_of(webhooks, "list", "--failing")
    assert failing.out == "There are no such endpoints.\n"
    shown = (await said_of(webhooks, "show", delivery["endpoint_id"])).out
    for cell in url, "closed: everything goes", "the default", webhooks.link_id, webhooks.threepl:
        assert cell in shown, cell
    missing = await said_of(webhooks, "show", "ep_0")
    assert (missing.exit_code, missing.error.startswith("There is no such endpoint.")) == (1, True)


async def test_a_test_event_is_sent_and_what_was_answered_is_told(webhooks: Webhooks) -> None:
    [delivery] = await webhooks.sent("1")
    taken = await said_of(webhooks, "test", delivery["endpoint_id"])
    assert taken.exit_code == 0, taken.error
    for cell in "it took it", "HTTP 200", "thank you", " ms":
        assert cell in taken.out
    [test] = await webhooks.listed("--type", "webhook.test")
    assert (test["order_id"], test["status"]) == (None, "delivered")
    assert "a test" in (await webhooks.desk.run("deliveries", "list", *THREEPL)).out
    webhooks.dispatcher.receiver.will_answer(webhooks.path, 500)
    failed = await said_of(webhooks, "test", delivery["endpoint_id"])
    assert failed.exit_code == 1
    assert all(cell in failed.out for cell in ("it did not take it", "HTTP 500", "says 500"))


async def test_a_test_event_that_is_held_back_is_not_waited_for_for_ever(webhooks: Webhooks) -> None:
    [delivery] = await webhooks.sent("1")
    await webhooks.desk.ask("endpoints", "pace", delivery["endpoint_id"], "--rate", "0.01", *THREEPL)
    await webhooks.desk.run("endpoints", "test", delivery["endpoint_id"], "--wait", "1", *THREEPL)
    held = await said_of(webhooks, "test", delivery["endpoint_id"], "--wait", "1")
    assert held.exit_code == 1
    assert "was not tried in 1 s: its endpoint's breaker or pace holds it" in held.error


async def test_a_disabled_endpoint_says_why_and_gets_what_waits_once_it_is_enabled(
    webhooks: Webhooks,
) -> None:
    webhooks.dispatcher.receiver.will_answer(webhooks.path, 410)
    await webhooks.assign("1")

    async def disabled() -> Any:
        return await webhooks.desk.ask("endpoints", "list", "--disabled", *THREEPL)

    [endpoint] = await until("the endpoint is disabled", disabled)
    shown = (await said_of(webhooks, "show", endpoint["id"])).out
    assert "disabled: it answered 410" in shown
    assert shown.endswith(f"`orderdock endpoints enable {endpoint['id']}`.\n")
    waiting = (await webhooks.desk.run("deliveries", "list", *THREEPL)).out
    assert "its endpoint is disabled" in waiting
    refused = await said_of(webhooks, "test", endpoint["id"])
    assert (refused.exit_code, refused.error.startswith("This endpoint gets nothing until")) == (1, True)
    enabled = await said_of(webhooks, "enable", endpoint["id"])
    assert enabled.out.endswith("is enabled; what waited for it goes out now.\n")
    [delivery] = await webhooks.ended("1")
    assert delivery["status"] == "delivered"


async def test_how_an_endpoint_fares_is_told(webhooks: Webhooks) -> None:
    [delivery, *_] = await webhooks.sent("1", "2", answers=(503,))
    health = await webhooks.desk.ask("endpoints", "health", delivery["endpoint_id"], *THREEPL)
    assert (health["attempts"], health["delivered"], health["failed"]) == (3, 2, 1)
    told = (await said_of(webhooks, "health", delivery["endpoint_id"])).out
    for cell in (
        "3, 0.1 a minute, 66.7% delivered (",
        "1 failed",
        "half in",
        "it answered 503",
        "closed: everything goes",
    ):
        assert cell in told, cell


async def test_the_pace_is_shown_changed_in_part_and_set_back(webhooks: Webhooks) -> None:
    [delivery] = await webhooks.sent("1")
    pace = ["pace", delivery["endpoint_id"]]
    changed = await said_of(webhooks, *pace, "--rate", "0.5", "--retry-schedule", "90,2min,1h")
    assert changed.exit_code == 0, changed.error
    for cell in "the default", "0.5 a second", "90 s, 2 min, 1 h":
        assert cell in changed.out
    kept = await webhooks.desk.ask("endpoints", *pace, "--rate", "default", "--concurrency", "3", *THREEPL)
    assert kept == {"concurrency": 3, "rate": None, "retry_schedule": [90.0, 120.0, 3600.0]}
    shown = (await webhooks.desk.ask("endpoints", "show", delivery["endpoint_id"], *THREEPL))["pace"]
    assert shown == kept
    for wrong in ["--rate", "fast"], ["--concurrency", "1.5"], ["--retry-schedule", "5s,,1h"]:
        assert (await said_of(webhooks, *pace, *wrong)).exit_code == 2, wrong
    refused = await said_of(webhooks, *pace, "--concurrency", "0")
    assert refused.exit_code == 1
    assert "concurrency" in refused.error


async def test_secrets_are_revealed_replaced_and_verify_what_comes(webhooks: Webhooks) -> None:
    [delivery] = await webhooks.sent("1")
    endpoint_id = delivery["endpoint_id"]
    before = await webhooks.desk.ask("endpoints", "secret", endpoint_id, *THREEPL)
    assert before["secret"] in (await said_of(webhooks, "secret", endpoint_id)).out
    asked = await said_of(webhooks, "rotate", endpoint_id, "--overlap", "0", typed="n\n")
    assert (asked.exit_code, "From now on nothing verifies by the old secret." in asked.error) == (1, True)
    rotated = await said_of(webhooks, "rotate", endpoint_id, "--overlap", "3d")
    assert f"{before['secret']} until 20" in rotated.out
    after = await webhooks.desk.ask("endpoints", "secret", endpoint_id, *THREEPL)
    chosen = await said_of(webhooks, "signing", endpoint_id, "--scheme", "v1", "--scheme", "v1a")
    assert all(cell in chosen.out for cell in ("v1, v1a", "whpk_"))
    assert "whsec_" not in chosen.out
    signing = await webhooks.desk.ask("endpoints", "signing", endpoint_id, *THREEPL)
    await webhooks.assign("2")
    webhook = (await webhooks.dispatcher.receiver.got(2, webhooks.path))[-1]
    for secret in before["secret"], after["secret"]:
        assert verified_by_secret(secret, webhook.headers, webhook.body)
    assert verified_by_public_key(signing["public_key"], webhook.headers, webhook.body)
    alone = await said_of(webhooks, "signing", endpoint_id, "--overlap", "3d")
    assert alone.exit_code == 2


async def test_every_command_prints_json_if_asked() -> None:
    groups = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    assert all("--json" in spellings for spellings in options_of(groups["endpoints"]))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"breaker": "open", "breaker_until": "2026-11-24T12:00:00Z"},
            "open: it gets nothing until 2026-11-24",
        ),
        ({"breaker": "half_open"}, "half open: it is being tried"),
        ({"failing_since": "2026-11-24T12:00:00Z"}, "failing since 2026-11-24 12:00 UTC"),
        ({"failing_since": "2026-11-24T12:00:00Z"}, "`orderdock endpoints test ep_1` tries it."),
        ({"enabled": False, "disabled_reason": "it failed for 5 days"}, "disabled: it failed for 5 days"),
    ],
)
async def test_what_is_wrong_with_an_endpoint_is_told(changes: dict[str, Any], told: str) -> None:
    endpoint = {"id": "ep_1", "enabled": True, "disabled_reason": None, "failing_since": None,
                "breaker": "closed", "breaker_until": None, **changes}  # fmt: skip
    said = (
        endpoint_facts.standing(endpoint),
        endpoint_facts.breaker(endpoint),
        endpoint_facts.next_step(endpoint),
    )
    assert told in "\n".join(said)

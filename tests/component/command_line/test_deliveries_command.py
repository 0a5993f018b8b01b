"""`orderdock deliveries` at a running dispatcher: webhooks listed, shown and sent again."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import typer

from deploy.cli import delivery_facts, delivery_times
from deploy.local import cli
from tests.component.command_line.conftest import Desk, Running
from tests.component.command_line.dispatching import THREEPL, Dispatcher, Webhooks, dispatching, linked
from tests.component.command_line.test_connection import options_of
from tests.conftest import MakeDatabase
from tests.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAST = "2026-01-01T12:00:00Z"
UNKNOWN = f"msg_{'0' * 32}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dispatcher(
    servers: Servers, template: MakeDatabase, running: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Dispatcher]:
    async with dispatching(servers, template, running, tmp_path_factory.mktemp("dispatcher")) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def webhooks(pair: Desk, dispatcher: Dispatcher) -> Webhooks:
    return await linked(pair, dispatcher)


async def test_deliveries_are_listed_by_what_they_have_in_common(webhooks: Webhooks) -> None:
    none = await webhooks.desk.run("deliveries", "list", *THREEPL)
    assert none.out.startswith("There are no deliveries: they come with orders of a link that has")
    [refused] = await webhooks.sent("1", answers=(422,))
    [delivered] = await webhooks.sent("2")
    table = (await webhooks.desk.run("deliveries", "list", *THREEPL)).out
    for cell in refused["id"], webhooks.name("1"), "order.created 1", "refused", "delivered":
        assert cell in table
    for filters in (
        ["--status", "refused", "--status", "exhausted"],
        ["--order", webhooks.name("1"), "--since", "1h", "--type", "order.created"],
        ["--status", "refused", "--shop", webhooks.shop, "--endpoint", refused["endpoint_id"]],
    ):
        assert [each["id"] for each in await webhooks.listed(*filters)] == [refused["id"]], filters
    assert [each["id"] for each in await webhooks.listed("--limit", "1")] == [delivered["id"]]
    assert "There are more" in (await webhooks.desk.run("deliveries", "list", "--limit", "1", *THREEPL)).out
    early = await webhooks.desk.run("deliveries", "list", "--until", "2026-01-01", *THREEPL)
    assert early.out == "There are no such deliveries.\n"


async def test_a_delivery_is_shown_with_every_attempt_and_what_to_do(webhooks: Webhooks) -> None:
    [exhausted] = await webhooks.sent("1", answers=(503, 500, 302))
    shown = (await webhooks.desk.run("deliveries", "show", exhausted["id"], *THREEPL)).out
    for cell in "exhausted", "HTTP 503", "HTTP 302", "says 500", '"type": "order.created"', webhooks.path:
        assert cell in shown, cell
    assert shown.endswith(f"Once its endpoint works: `orderdock deliveries resend {exhausted['id']}`.\n")
    document = await webhooks.desk.ask("deliveries", "show", exhausted["id"], *THREEPL)
    assert [each["status"] for each in document["made"]] == [503, 500, 302]
    missing = await webhooks.desk.run("deliveries", "show", UNKNOWN, *THREEPL)
    assert (missing.exit_code, missing.error.startswith("There is no such delivery.")) == (1, True)


async def test_one_delivery_or_several_are_sent_again_under_the_same_webhook_id(webhooks: Webhooks) -> None:
    [first, second] = await webhooks.sent("1", "2", answers=(422, 422))
    one = await webhooks.desk.run("deliveries", "resend", first["id"], *THREEPL)
    assert (one.exit_code, one.error) == (0, "")
    assert one.out.startswith(f"The delivery {first['id']} ({webhooks.name('1')}) goes out again.")
    got = await webhooks.dispatcher.receiver.got(3, webhooks.path)
    assert [each.id for each in got].count(first["id"]) == 2
    many = await webhooks.desk.run("deliveries", "resend", second["id"], UNKNOWN, *THREEPL)
    assert many.exit_code == 1
    assert "it goes out again" in many.out
    assert "There is no such delivery." in many.out
    await webhooks.dispatcher.receiver.got(4, webhooks.path)
    told = await webhooks.desk.run("deliveries", "resend", UNKNOWN, f"{UNKNOWN}1", "--json", *THREEPL)
    assert (told.exit_code, told.document["refused"]) == (1, 2)


async def test_the_one_3pl_of_a_data_folder_need_not_be_named_and_a_shop_sees_no_webhooks(
    webhooks: Webhooks,
) -> None:
    [delivered] = await webhooks.sent("1")
    own = await webhooks.desk.ask("deliveries", "list")
    assert [each["id"] for each in own] == [delivered["id"]]
    seen = await webhooks.desk.run("deliveries", "show", delivered["id"], "--as", "teapot")
    assert (seen.exit_code, seen.error.startswith("There is no such delivery.")) == (1, True)
    operator = await webhooks.desk.run(
        "deliveries", "resend", delivered["id"], "--as", "operator@example.com"
    )
    assert operator.exit_code == 1
    assert "Operators" in operator.error


async def test_options_that_make_no_sense_are_wrong_usage(desk: Desk) -> None:
    for command in (
        ["list", "--since", "yesterday"],
        ["list", "--since", "999999999d"],
        ["list", "--shop", "S-7F3K-9QXC", "--order", "S-7F3K-9QXC/1"],
        ["list", "--order", "1001"],
        ["resend"],
        ["resend-since"],
        ["resend-since", "2 weeks"],
    ):
        assert (await desk.run("deliveries", *command)).exit_code == 2, command


async def test_every_command_prints_json_if_asked() -> None:
    groups = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    assert all("--json" in spellings for spellings in options_of(groups["deliveries"]))


@pytest.mark.parametrize(
    ("changes", "standing", "next_step"),
    [
        ({}, "waiting", "The next attempt is due at 2099-11-24 12:00:05 UTC."),
        ({"next_attempt_at": PAST}, "waiting", "breaker and pace let it: `orderdock endpoints health ep_1`."),
        ({"in_flight": True}, "waiting, in flight", "It is being sent now."),
        ({"behind": True}, "waiting behind an earlier one", "--order S-1/1 --status waiting`."),
        ({"next_attempt_at": None}, "waiting: its endpoint is disabled", "`orderdock endpoints enable ep_1`"),
        ({"status": "delivered"}, "delivered", ""),
        ({"status": "refused"}, "refused", "`orderdock deliveries resend msg_1`."),
        ({"status": "withdrawn"}, "withdrawn", "`orderdock links settings link-1`"),
    ],
)
async def test_how_a_delivery_stands_is_told_with_what_comes_next(
    changes: dict[str, Any], standing: str, next_step: str
) -> None:
    delivery = {"id": "msg_1", "shop_id": "S-1", "order_id": "1", "endpoint_id": "ep_1", "link_id": "link-1",
                "status": "waiting", "in_flight": False, "behind": False,
                "next_attempt_at": "2099-11-24T13:00:05+01:00", **changes}  # fmt: skip
    assert delivery_facts.standing(delivery) == standing
    assert next_step in delivery_facts.next_step(delivery)


@pytest.mark.parametrize(
    ("given", "seconds", "told"),
    [
        ("90", 90, "90 s"),
        ("0.1s", 0.1, "0.1 s"),
        ("2min", 120, "2 min"),
        ("2m", 120, "2 min"),
        (" 6h", 21_600, "6 h"),
        ("1d", 86_400, "1 d"),
        ("0", 0, "0 s"),
    ],
)
async def test_spans_are_read_and_told_in_their_units(given: str, seconds: float, told: str) -> None:
    length = delivery_times.seconds(given, "--overlap")
    assert (length, delivery_times.span(length)) == (seconds, told)


async def test_a_time_is_a_moment_in_utc_or_so_long_ago() -> None:
    assert delivery_times.moment("2026-11-24", "--since") == "2026-11-24T00:00:00+00:00"
    assert delivery_times.moment("2026-11-24T08:30+01:00", "--since") == "2026-11-24T08:30:00+01:00"
    before = datetime.now(UTC)
    told = datetime.fromisoformat(delivery_times.moment("3h", "--since") or "")
    assert before <= told + timedelta(hours=3) <= datetime.now(UTC)

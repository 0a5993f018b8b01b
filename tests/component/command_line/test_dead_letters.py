"""`orderdock dead-letters`: those of each service, on a platform here and on one that URLs name."""

import itertools
import uuid
from typing import Any

import pytest
import pytest_asyncio
import typer
from sqlalchemy import text

from deploy.local import cli, memory
from shared import dead_letters
from shared.dead_letters import DeadLetter
from shared.kafka.records import Record
from tests.builders import NOW, order, order_event
from tests.component.command_line.conftest import Desk
from tests.component.command_line.routing import Router
from tests.component.command_line.test_connection import key_of, options_of
from tests.harness import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

ORDERS = "orders.created"
OFFSETS = itertools.count(1001)


async def keep(router: Router, value: bytes, reason: str) -> int:
    """A letter as if yesterday's code had refused it; answers its id."""
    record = Record(router.prefix + ORDERS, 0, next(OFFSETS), b"key", value, {"odd": b"\xff"}, NOW)
    async with router.database.transaction() as connection:
        topic = router.prefix + "order-router.dead-letter"
        await dead_letters.add(connection, [DeadLetter(record, reason)], topic)
        return int(await connection.scalar(text("SELECT max(id) FROM dead_letters")))


@pytest_asyncio.fixture(loop_scope="session")
async def platform(desk: Desk, router: Router) -> Desk:
    """A data folder of a platform with both services, whose operator is the one account in it."""
    memory.write_ports(desk.folder, {"integration": desk.running.port, "order-router": router.port})
    return desk


async def test_a_message_that_cannot_be_read_is_listed_shown_and_refused_again(
    platform: Desk, router: Router
) -> None:
    topic = router.prefix + ORDERS
    await router.tell((ORDERS, b"no JSON"))

    async def kept() -> list[dict[str, Any]]:
        found = await platform.ask("dead-letters", "list", "--topic", topic, "--reason", "no json")
        return [letter for letter in found if letter["offset"] == 0]

    [letter] = await until("it is a dead letter", kept)
    table = await platform.run("dead-letters", "list")
    assert f"{topic}/0/0" in table.out
    shown = await platform.run("dead-letters", "show", str(letter["id"]))
    assert all(said in shown.out for said in ("no JSON", letter["sha256"], f"{topic}/0/0"))
    said = await platform.run("dead-letters", "put-back", str(letter["id"]))
    assert (said.exit_code, "It is refused again: no JSON" in said.out) == (1, True)


async def test_letters_are_put_back_by_id_or_as_many_as_fit(platform: Desk, router: Router) -> None:
    word = uuid.uuid4().hex
    ids = [await keep(router, order_event(order(f"{word}-{number}")), f"a bug {word}") for number in range(3)]
    asked = await platform.run("dead-letters", "put-back", "--reason", word, typed="n\n")
    assert asked.exit_code == 1
    assert len(await platform.ask("dead-letters", "list", "--reason", word)) == 3
    one = await platform.run("dead-letters", "put-back", str(ids[0]))
    assert (one.exit_code, "put back" in one.out) == (0, True)
    rest = await platform.ask(
        "dead-letters", "put-back", "--topic", router.prefix + ORDERS, "--reason", word, "--yes"
    )
    assert [outcome["id"] for outcome in rest] == ids[1:]
    again = await platform.run("dead-letters", "put-back", "--reason", word, "--yes")
    assert again.out == "No dead letter of order-router fits and waits.\n"
    back = await platform.ask("dead-letters", "list", "--state", "put_back", "--reason", word)
    assert [letter["id"] for letter in back] == ids[::-1]


async def test_of_a_message_that_is_no_text_its_bytes_are_shown(platform: Desk, router: Router) -> None:
    binary, long = await keep(router, b"\xff\x00", "binary"), await keep(router, b"x" * 300_000, "large")
    shown = await platform.run("dead-letters", "show", str(binary))
    assert "(base64) /wA=" in shown.out
    assert "odd: (base64) /w==" in shown.out
    cut = await platform.run("dead-letters", "show", str(long))
    assert "300000, of which only the first part was kept" in cut.out
    assert "--json shows all that was kept" in cut.out
    said = await platform.run("dead-letters", "put-back", str(binary), str(long), "4711")
    assert said.exit_code == 1
    for sentence in "no JSON", "Only the first 262144", "There is no such dead letter.":
        assert sentence in said.out


async def test_ids_and_a_filter_are_not_given_together(platform: Desk) -> None:
    for arguments in [], ["1", "--reason", "x"]:
        assert (await platform.run("dead-letters", "put-back", *arguments)).exit_code == 2


async def test_another_platform_is_reached_by_the_urls_of_both_services(desk: Desk, router: Router) -> None:
    arguments = ["dead-letters", "list", "--json", "--reason", "only of this test"]
    key = key_of(desk, "operator", ORDERDOCK_INTEGRATION_URL=desk.url)
    kept = await keep(router, b"{", "only of this test")
    found = await desk.run(*arguments, env={**key, "ORDERDOCK_ORDER_ROUTER_URL": router.url})
    assert found.exit_code == 0, found.error
    named = await desk.run(*arguments, "--order-router-url", router.url, env=key)
    assert [letter["id"] for letter in found.document + named.document] == [kept, kept]
    missing = await desk.run(*arguments, env=key)
    assert missing.error == (
        "Say where order-router is too, with --order-router-url or ORDERDOCK_ORDER_ROUTER_URL."
    )
    without = await desk.run(*arguments, "--order-router-url", router.url, env=key_of(desk, "operator"))
    assert without.error == "Say where integration is too, with --url or ORDERDOCK_INTEGRATION_URL."
    wrong = await desk.run(*arguments, "--order-router-url", "router", env=key)
    assert wrong.exit_code == 2


async def test_each_service_has_letters_of_its_own(platform: Desk) -> None:
    said = await platform.run("dead-letters", "list", "--service", "integration")
    assert said.out == "There are no such dead letters of integration.\n"
    missing = await platform.run("dead-letters", "list", "--service", "webhook-dispatcher")
    assert missing.error.startswith("No platform has run in")


async def test_only_operators_are_answered(platform: Desk) -> None:
    await platform.account("shop", "Teapot & Co")
    said = await platform.run("dead-letters", "list", "--as", "teapot")
    assert (said.exit_code, said.error.startswith("Only operators may do this.")) == (1, True)


async def test_every_command_prints_json_if_asked() -> None:
    groups = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    assert all("--json" in spellings for spellings in options_of(groups["dead-letters"]))

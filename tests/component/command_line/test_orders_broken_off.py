"""`orderdock orders` where answers break off, orders are named wrongly, or nobody answers."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import typer
from aiohttp import web

from deploy.local import cli
from deploy.local.ports import LOOPBACK
from tests.builders import SHOP, THREEPL
from tests.component.command_line.conftest import Desk, Said
from tests.component.command_line.test_connection import options_of, orderdock

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = {"ORDERDOCK_CLIENT_ID": "id", "ORDERDOCK_CLIENT_SECRET": "secret"}
FIRST_ROW = b"shop_id,order_id\r\nS-1,\x1b[2J\xe2\x80\xae1\r\n"


def outcome(order: dict[str, str]) -> dict[str, Any]:
    state = {"stage": "picking", "holder": "threepl", "threepl_id": THREEPL, "requests": []}
    return {**order, "order": {**order, **state}, "problem": None}


class Failing:
    """Integration and a router in one that begin every answer well."""

    def __init__(self) -> None:
        self.calls = 0
        self.whole = False
        self.url = ""

    async def token(self, _: web.Request) -> web.Response:
        return web.json_response({"access_token": "token", "expires_in": 900})

    async def link(self, _: web.Request) -> web.Response:
        return web.json_response({"rules": {"polarity": "send", "rules": []}})

    async def start(self, request: web.Request) -> web.Response:
        self.calls += 1
        if self.calls > 1:
            return web.json_response({"detail": "Something failed here."}, status=500)
        orders = (await request.json())["orders"]
        return web.json_response({"outcomes": list(map(outcome, orders)), "refused": 0})

    async def export(self, request: web.Request) -> web.StreamResponse:
        return await self._begin(request, FIRST_ROW)

    async def simulate(self, request: web.Request) -> web.StreamResponse:
        progress = b'{"type":"progress","done":1,"of":2}\n'
        return await self._begin(request, progress[:9], progress[9:])

    async def _begin(self, request: web.Request, *pieces: bytes) -> web.StreamResponse:
        answer = web.StreamResponse()
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        for piece in pieces:
            await answer.write(piece)
        if self.whole:
            await answer.write_eof()
        elif request.transport:
            request.transport.close()
        return answer


@pytest_asyncio.fixture(loop_scope="session")
async def failing() -> AsyncIterator[Failing]:
    made, app = Failing(), web.Application()
    app.add_routes([web.post("/oauth/token", made.token), web.get("/links/{id}", made.link)])
    app.add_routes([web.post("/orders/start", made.start), web.get("/orders/export", made.export)])
    app.add_routes([web.post("/simulations", made.simulate)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    made.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def at(desk: Desk, url: str, *arguments: str, typed: str = "") -> Said:
    urls = {"ORDERDOCK_INTEGRATION_URL": url, "ORDERDOCK_ORDER_ROUTER_URL": url}
    return await desk.run("orders", *arguments, env={**KEY, **urls}, typed=typed)


async def test_of_steps_that_break_off_what_was_done_is_told(desk: Desk, failing: Failing) -> None:
    names = "\n".join(f"{SHOP}/{number}" for number in range(1500))
    said = await at(desk, failing.url, "start", "--from-file", "-", "--json", typed=names)
    assert said.exit_code == 1
    assert len(said.document["outcomes"]) == 1000
    assert f"It broke off at the orders from {SHOP}/1000 on; 1,000 of 1,500 were dealt with" in said.error


async def test_an_export_that_breaks_off_leaves_no_file_and_an_old_one_as_it_was(
    desk: Desk, failing: Failing, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    file, old = folder / "orders.csv", folder / "old.csv"
    old.write_text("yesterday's")
    for target in file, old:
        said = await at(desk, failing.url, "export", "--output", str(target))
        assert said.exit_code == 1
        assert said.error.startswith("The answer broke off (")
        assert said.error.endswith(f"Nothing was written to {target}: try again.")
    assert os.listdir(folder) == [old.name]  # noqa: PTH208 -- a path's own would be waited for
    assert old.read_text() == "yesterday's"
    printed = await at(desk, failing.url, "export")
    assert (printed.exit_code, printed.error.endswith("is not the whole: try again.")) == (1, True)
    nowhere = await at(desk, failing.url, "export", "--output", str(folder / "no" / "orders.csv"))
    assert nowhere.error.startswith(f"The orders can't be written to {folder}/no/orders.csv: ")


async def test_an_export_to_a_pipe_goes_there_and_replaces_nothing(
    desk: Desk, failing: Failing, tmp_path: Path
) -> None:
    failing.whole, pipe = True, tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDWR)
    assert (await at(desk, failing.url, "export", "--output", str(pipe))).exit_code == 0
    assert os.read(reading, 4096) == FIRST_ROW
    failing.whole = False
    broken = await at(desk, failing.url, "export", "--output", str(pipe))
    assert broken.error.endswith(f"What {pipe} was given is not the whole: try again.")
    os.close(reading)


async def test_what_others_wrote_is_exported_as_it_is_but_does_not_steer_the_terminal(
    failing: Failing,
) -> None:
    failing.whole = True
    command = orderdock("orders", "export", "--url", failing.url, "--order-router-url", failing.url)
    terminal, its_side = os.openpty()
    process = await asyncio.create_subprocess_exec(*command, stdout=its_side, env={**os.environ, **KEY})
    assert await process.wait() == 0
    os.close(its_side)
    shown = os.read(terminal, 4096)
    os.close(terminal)
    piped = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, **KEY}
    )
    assert (await piped.communicate())[0] == FIRST_ROW
    assert shown.decode() == "shop_id,order_id\r\nS-1,\ufffd[2J\ufffd1\r\n"


async def test_a_simulation_without_a_result_has_failed(desk: Desk, failing: Failing) -> None:
    said = await at(desk, failing.url, "simulate", "--link", "link-1")
    assert (said.exit_code, said.out) == (1, "")
    assert said.error.endswith("There is no result: try again.")
    failing.whole = True
    ended = await at(desk, failing.url, "simulate", "--link", "link-1")
    assert ended.error.endswith("The answer ended without a result. Try again.")


async def test_where_nobody_answers_the_address_is_named(desk: Desk, failing: Failing) -> None:
    away = ["--url", failing.url, "--order-router-url", "http://127.0.0.1:9"]
    many = ["start", f"{SHOP}/1", f"{SHOP}/2"]
    for command in ["list"], ["start", f"{SHOP}/1"], many, ["export"]:
        said = await desk.run("orders", *command, *away, "--json", env=KEY)
        assert (said.exit_code, said.out) == (1, "")
        assert said.error.startswith("http://127.0.0.1:9/ does not answer (")
    said = await desk.run("orders", "list", "--as", "operator@example.com")
    assert said.error.startswith("No platform has run in")


async def test_a_wrong_name_is_found_before_anything_is_done(desk: Desk, failing: Failing) -> None:
    for wrong, why in {
        "1001": "it has no slash",
        "S-7F3K-9QXX/1": "the check character of this shop id is wrong",
        '{"shop_id": 1': "Expecting",
        "[]": "it has no slash",
    }.items():
        lines = f"{SHOP}/1\n\n{wrong}\n"
        said = await at(desk, failing.url, "start", "--from-file", "-", typed=lines)
        assert said.exit_code == 1
        assert said.error.startswith("Line 3 of stdin names no order: ")
        assert why in said.error
        assert (await at(desk, failing.url, "start", wrong)).exit_code == 2
    assert failing.calls == 0
    empty = await at(desk, failing.url, "start", "--from-file", "-", typed="\n")
    assert empty.error == "There is no order in stdin: it holds one a line."
    missing = await at(desk, failing.url, "start", "--from-file", "/nowhere")
    assert missing.error.startswith("The orders can't be read from /nowhere: ")


async def test_options_that_make_no_sense_are_wrong_usage(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "orders"
    file.write_text(json.dumps({"shop_id": SHOP, "order_id": "1"}))
    for command in (
        ["start"],
        ["start", f"{SHOP}/1", "--from-file", str(file)],
        ["ship", f"{SHOP}/1"],
        ["ship", f"{SHOP}/1", "--carrier", "DHL", "--parcel", "mass=3"],
        ["ship", f"{SHOP}/1", "--carrier", "DHL", "--parcel", "weight=heavy"],
        ["refuse", f"{SHOP}/1", "--kind", "everything"],
        ["list", "--since", "yesterday"],
        ["export", "--format", "csv", "--json"],
    ):
        assert (await desk.run("orders", *command)).exit_code == 2, command


async def test_every_command_prints_json_if_asked() -> None:
    groups = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    assert all("--json" in spellings for spellings in options_of(groups["orders"]))

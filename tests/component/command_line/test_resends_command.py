"""`orderdock deliveries resend-since` and `resends`: jobs that are started, followed, left and cancelled."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from deploy.local.ports import LOOPBACK
from tests.component.command_line.conftest import Desk, Running
from tests.component.command_line.dispatching import THREEPL, Dispatcher, Webhooks, dispatching, linked
from tests.component.command_line.test_connection import orderdock
from tests.conftest import MakeDatabase
from tests.harness import until
from tests.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = {"ORDERDOCK_CLIENT_ID": "id", "ORDERDOCK_CLIENT_SECRET": "secret"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dispatcher(
    servers: Servers, template: MakeDatabase, running: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Dispatcher]:
    async with dispatching(servers, template, running, tmp_path_factory.mktemp("dispatcher")) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def webhooks(pair: Desk, dispatcher: Dispatcher) -> Webhooks:
    return await linked(pair, dispatcher)


class Going:
    """Integration and a dispatcher in one, whose job never ends unless it is told to."""

    def __init__(self) -> None:
        self.url = ""
        self.looks = 0
        self.states: Iterator[dict[str, Any]] = iter(())

    async def token(self, _: web.Request) -> web.Response:
        return web.json_response({"access_token": "token", "expires_in": 900})

    async def job(self, request: web.Request) -> web.Response:
        self.looks += 1
        now = next(self.states, {})
        if now is BREAKS and request.transport:
            request.transport.close()
        return web.json_response({**JOB, **now})

    async def resend(self, request: web.Request) -> web.Response:
        if request.match_info["id"] == "2" and request.transport:
            request.transport.close()
        return web.json_response({"id": request.match_info["id"], "order_id": None})


BREAKS: dict[str, Any] = {"share": "the connection breaks"}
JOB = {
    "id": "job-1",
    "threepl_id": "T-1",
    "requested_by": "Bo",
    "clients": None,
    "since": "2026-11-23T12:00:00Z",
    "until": "2026-11-24T12:00:00Z",
    "statuses": ["exhausted"],
    "link_id": "link-1",
    "endpoint_id": None,
    "shop_id": "S-1",
    "order_id": "7",
    "state": "running",
    "resent": 12_345,
    "day": "2026-11-24",
    "share": 0.25,
    "created_at": "2026-11-24T12:00:00Z",
    "finished_at": None,
}


@pytest_asyncio.fixture(loop_scope="session")
async def going() -> AsyncIterator[Going]:
    made, app = Going(), web.Application()
    app.add_routes([web.post("/oauth/token", made.token), web.post("/resends", made.job)])
    app.add_routes([web.get("/resends/{id}", made.job), web.post("/deliveries/{id}/resend", made.resend)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    made.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def at(url: str) -> list[str]:
    return ["--url", url, "--webhook-dispatcher-url", url]


async def test_all_since_a_time_are_sent_again_by_a_job_that_is_followed_to_its_end(
    webhooks: Webhooks,
) -> None:
    orders = [str(number) for number in range(5)]
    ended = await webhooks.sent(*orders, answers=(422,) * 5)
    since = ["deliveries", "resend-since", "2h", "--link", webhooks.link_id, *THREEPL]
    said = await webhooks.desk.run(*since)
    assert said.exit_code == 0, said.error
    assert "resends what is exhausted or refused of events since 20" in said.error
    assert said.out.startswith("Done: 5 deliveries go out again. `orderdock deliveries list --since 20")
    got = await webhooks.dispatcher.receiver.got(10, webhooks.path)
    assert {each.id for each in got[5:]} == {each["id"] for each in ended}
    await webhooks.ended(*orders)
    again = await webhooks.desk.run(*since)
    assert again.out == "Done: there were none. An earlier TIME or another --status finds more.\n"
    whole = await webhooks.desk.ask(*since, "--status", "delivered", "--order", webhooks.name("1"))
    assert (whole["state"], whole["resent"], whole["order_id"]) == ("done", 1, "1")


async def test_jobs_are_listed_shown_followed_and_cancelled(webhooks: Webhooks) -> None:
    none = await webhooks.desk.run("deliveries", "resends", "list", *THREEPL)
    assert none.out == "There are no such jobs: `orderdock deliveries resend-since` starts one.\n"
    begun = await webhooks.desk.run("deliveries", "resend-since", "1h", "--no-wait", "--json", *THREEPL)
    job = begun.document
    followed = await webhooks.desk.run("deliveries", "resends", "follow", job["id"], *THREEPL)
    assert (followed.exit_code, followed.out.startswith("Done: there were none.")) == (0, True)
    shown = (await webhooks.desk.run("deliveries", "resends", "show", job["id"], *THREEPL)).out
    assert all(cell in shown for cell in (job["id"], "exhausted, refused", "done", webhooks.threepl))
    table = (await webhooks.desk.run("deliveries", "resends", "list", *THREEPL)).out
    assert job["id"] in table
    missing = await webhooks.desk.run("deliveries", "resends", "cancel", "nothing", *THREEPL)
    assert (missing.exit_code, missing.error.startswith("There is no such")) == (1, True)


async def test_how_far_a_job_is_is_told_each_tenth_of_the_way(desk: Desk, going: Going) -> None:
    shares: list[dict[str, Any]] = [{"share": share} for share in (0.0, 0.25, 0.29, 0.5)]
    going.states = iter([*shares, {"state": "cancelled"}])
    said = await desk.run("deliveries", "resend-since", "1d", *at(going.url), env=KEY)
    assert said.error.splitlines() == [
        "The job job-1 resends what is exhausted of events since 2026-11-23 12:00 until "
        "2026-11-24 12:00 UTC, only of order S-1/7, link link-1.",
        "12,345 to be resent, at the events of 2026-11-24, 25% of the way",
        "12,345 to be resent, at the events of 2026-11-24, 50% of the way",
    ]
    assert said.out == (
        "The job job-1 is cancelled: 12,345 deliveries go out again, the others stay as they are.\n"
    )
    assert said.exit_code == 1


async def test_ctrl_c_leaves_a_job_running_and_says_how_to_follow_or_end_it(going: Going) -> None:
    process = await asyncio.create_subprocess_exec(
        *orderdock("deliveries", "resend-since", "1d", *at(going.url)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **KEY},
        # Where the tests run in the background, Ctrl-C is ignored, which a process inherits.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    )

    async def followed() -> bool:
        return going.looks > 2

    await until("it is followed", followed)
    process.send_signal(signal.SIGINT)
    out, error = await process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert error.decode().endswith(
        "The job goes on by itself. `orderdock deliveries resends follow job-1` follows it, "
        "`orderdock deliveries resends cancel job-1` ends it.\n"
    )


async def test_of_a_job_that_cannot_be_followed_any_more_it_is_told_that_it_goes_on(
    desk: Desk, going: Going
) -> None:
    going.states = iter([{}, BREAKS, BREAKS, BREAKS])
    said = await desk.run("deliveries", "resends", "follow", "job-1", *at(going.url), env=KEY)
    assert said.exit_code == 1
    assert said.error.startswith(f"{going.url}/ does not answer (")
    assert "The job goes on by itself. `orderdock deliveries resends follow job-1` follows it" in said.error


async def test_at_a_terminal_a_bar_is_shown(going: Going) -> None:
    going.states = iter([{}, {}, {"state": "done"}])
    terminal, its_side = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *orderdock("deliveries", "resend-since", "1d", "--json", *at(going.url)),
        stdout=asyncio.subprocess.PIPE,
        stderr=its_side,
        env={**os.environ, **KEY},
    )
    out, _ = await process.communicate()
    os.close(its_side)
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert (process.returncode, b'"done"' in out) == (0, True)
    assert "12,345 to be resent, at the events of 2026-11-24" in shown
    assert "25%" in shown


async def test_where_the_connection_breaks_it_is_told_what_was_sent_again(desk: Desk, going: Going) -> None:
    said = await desk.run("deliveries", "resend", "1", "2", "3", *at(going.url), env=KEY)
    assert said.exit_code == 1
    assert said.error.endswith("It broke off at 2: 1 of 3 were dealt with.")

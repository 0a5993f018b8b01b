"""Where the command line finds integration and its API key, and what it does when a call fails."""

import asyncio
import json
import os
import select
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from aiohttp import web

from deploy.local import cli
from deploy.local.ports import LOOPBACK
from tests.component.command_line.conftest import Desk

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNKNOWN = "00000000-0000-0000-0000-000000000000"
SENTENCES = {
    "links show": "There is no such link.",
    "links history": "There is no such link.",
    "links activate": "There is no such link.",
    "links delete --yes": "There is no such link.",
    "links settings": "There is no such link.",
    "links rules --share 2": "There is no such link.",
    "invitations show": "There is no such invitation.",
    "invitations resend": "There is no such invitation.",
    "accounts show": "There is no such account.",
    "accounts keys revoke": "There is no such API key of this account.",
    "accounts people remove": "There is no such person.",
}
NOTHING = b""
AWAY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def losing(port: int, request: bytes, answer: bytes) -> AsyncIterator[str]:
    """The URL of a proxy that has the first such request done, but tells `answer`, or nothing, of it."""
    seen, lost = asyncio.Event(), asyncio.Event()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, into = await asyncio.open_connection(LOOPBACK, port)

        async def ask() -> None:
            while asked := await reader.read(65536):
                if asked.startswith(request):
                    seen.set()
                into.write(asked)

        asking = asyncio.create_task(ask())
        while told := await upstream.read(65536):
            if seen.is_set() and not lost.is_set():
                lost.set()
                told = answer
            writer.write(told)
            if not told:
                break
        asking.cancel()
        into.close()
        writer.close()

    async with await asyncio.start_server(on_connection, LOOPBACK, 0) as server:
        yield f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    assert lost.is_set()


def key_of(pair: Desk, who: str, **more: str) -> dict[str, str]:
    """The environment of a program that has this account's API key."""
    key = pair.keys[who]
    return {
        "ORDERDOCK_CLIENT_ID": key["client_id"],
        "ORDERDOCK_CLIENT_SECRET": key["client_secret"],
        **more,
    }


@pytest.mark.parametrize("answer", [NOTHING, AWAY], ids=["the connection breaks", "503"])
async def test_a_link_is_started_once_although_the_answer_was_lost(pair: Desk, answer: bytes) -> None:
    north = pair.keys["North Fulfilment"]["account_id"]
    async with losing(pair.running.port, b"POST /links ", answer) as url:
        key = key_of(pair, "Teapot & Co", ORDERDOCK_INTEGRATION_URL=url)
        said = await pair.run("links", "start", north, "--json", env=key)
    assert said.exit_code == 0, said.error
    assert [link["id"] for link in await pair.ask("links", "list", "--as", "teapot")] == [said.document["id"]]


async def test_a_deletion_whose_answer_was_lost_is_not_repeated_and_said_to_be_in_doubt(pair: Desk) -> None:
    link = await pair.ask("links", "start", pair.keys["North Fulfilment"]["account_id"], "--as", "teapot")
    async with losing(pair.running.port, b"DELETE /links/", NOTHING) as url:
        key = key_of(pair, "Teapot & Co", ORDERDOCK_INTEGRATION_URL=url)
        said = await pair.run("links", "delete", link["id"], "--yes", env=key)
    assert said.exit_code == 1
    assert said.error.endswith("Whether the call did what it should is not known: look before you repeat it.")


async def test_a_key_comes_from_the_environment_or_a_file_and_from_no_argument(
    pair: Desk, tmp_path: Path
) -> None:
    key = pair.keys["Teapot & Co"]
    own = await pair.run("accounts", "show", "--json", env=key_of(pair, "Teapot & Co"))
    assert own.document["id"] == key["account_id"]
    file = tmp_path / "secret"
    file.write_text(key["client_secret"] + "\n")
    named = ["--client-id", key["client_id"], "--client-secret-file", str(file), "--url", pair.url]
    assert (await pair.run("accounts", "show", *named, "--json")).document["name"] == "Teapot & Co"
    argument = await pair.run("accounts", "show", "--client-secret", key["client_secret"])
    assert argument.exit_code == 2
    without = await pair.run("links", "list", "--url", pair.url)
    assert without.error.startswith("There is no API key: put its id into ORDERDOCK_CLIENT_ID")


async def test_where_nobody_is_named_the_accounts_that_there_are_are(pair: Desk) -> None:
    for command in ["links", "list"], ["links", "list", "--as", "nobody"]:
        said = await pair.run(*command)
        assert said.exit_code == 1
        assert said.error == "Say with --as whose API key to use: " + ", ".join(
            f"{key['name']} ({key['account_id']})" for key in pair.keys.values()
        ) + "."  # fmt: skip
    north = pair.keys["North Fulfilment"]["account_id"]
    assert await pair.ask("links", "list", "--as", north.lower()) == []


async def test_without_a_platform_or_sample_data_one_is_told_what_to_start(
    desk: Desk, tmp_path: Path
) -> None:
    nowhere = await desk.run("links", "list", "--data", str(tmp_path / "other"), data=False)
    assert nowhere.error.startswith(f"No platform has run in {tmp_path / 'other'}.")
    (desk.folder / "sample.json").unlink()
    empty = await desk.run("links", "list")
    assert "`orderdock up --sample`" in empty.error


async def test_an_address_where_nobody_answers_is_named(pair: Desk) -> None:
    key = key_of(pair, "Teapot & Co")
    away = await pair.run("links", "list", "--url", "http://127.0.0.1:9", env=key)
    assert away.exit_code == 1
    assert away.error.startswith("http://127.0.0.1:9/ does not answer (")
    assert (await pair.run("links", "list", "--url", "orderdock", env=key)).exit_code == 2


async def test_a_wrong_id_is_answered_with_the_problems_sentence(pair: Desk) -> None:
    for command, sentence in SENTENCES.items():
        said = await pair.run(*command.split(), UNKNOWN, "--as", "teapot", "--json")
        assert (said.exit_code, said.out) == (1, "")
        assert said.error.startswith(sentence)
    slashed = await pair.run("links", "show", "../accounts?x y", "--as", "teapot")
    assert slashed.error.startswith("Not Found (GET /links/..%2Faccounts%3Fx%20y was answered 404)")


async def test_what_others_say_does_not_steer_the_terminal(desk: Desk) -> None:
    offer = {"kind": "shop", "email": "a@b.example", "inviter_id": "T-1", "inviter_name": "\x1b[2JEve\u202e",
             "expires_at": "2026-07-01T12:00:00Z", "account_exists": False}  # fmt: skip
    hostile = web.Application()

    async def look(_: web.Request) -> web.Response:
        return web.json_response(offer)

    async def decline(_: web.Request) -> web.Response:
        return web.json_response({"detail": "\x1b[2Jno"}, status=409)

    hostile.add_routes([web.post("/invitations/look", look), web.post("/invitations/decline", decline)])
    runner = web.AppRunner(hostile)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, 0)
    await site.start()
    url = ["--url", f"http://{LOOPBACK}:{runner.addresses[0][1]}"]
    looked = (await desk.run("invitations", "look", *url, typed="token")).out
    printed = (await desk.run("invitations", "look", *url, "--json", typed="token")).out
    told = await in_a_process("invitations", "decline", *url, typed=b"token")
    await runner.cleanup()
    assert "\ufffd[2JEve\ufffd" in looked
    assert json.loads(printed) == offer
    assert "\x1b" not in looked + printed
    assert told[:2] == (1, "")
    assert told[2].startswith("\ufffd[2Jno (POST /invitations/decline")


async def test_the_command_ends_with_1_and_a_sentence_on_stderr(pair: Desk) -> None:
    code, out, error = await in_a_process(
        "links", "show", UNKNOWN, "--data", str(pair.folder), "--as", "teapot"
    )
    assert (code, out) == (1, "")
    assert error == f"There is no such link. (GET /links/{UNKNOWN} was answered 404)\n"


async def test_where_typer_is_missing_the_command_names_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; from deploy.local.command import main; main()"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stderr=asyncio.subprocess.PIPE)
    _, error = await process.communicate()
    assert process.returncode == 1
    assert error.decode() == "`orderdock` needs the package typer: pip install 'orderdock[local]'\n"


async def test_secrets_are_asked_for_at_a_terminal_without_an_echo(pair: Desk) -> None:
    link = await pair.ask("links", "start", "hidden@example.com", "--as", "teapot")
    address, password = await pair.token(link["email"]), "correct horse battery"
    terminal, its_side = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *orderdock("invitations", "accept", "--name", "South", "--person-name", "Bo", "--url", pair.url),
        stdin=its_side,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    for typed in address, password, password:
        await process.stderr.readuntil(b": ")
        os.write(terminal, typed.encode() + b"\n")
    out, _ = await process.communicate()
    echoed, _, _ = select.select([terminal], [], [], 0)
    os.close(terminal)
    os.close(its_side)
    assert out.decode().startswith("South is the account T-")
    assert echoed == []


async def test_every_command_prints_json_if_asked() -> None:
    groups = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    for noun in "accounts", "links", "invitations", "operators":
        assert all("--json" in spellings for spellings in options_of(groups[noun]))


def options_of(command: typer.core.TyperCommand | typer.core.TyperGroup) -> list[list[str]]:
    """The options of each command below this one."""
    if isinstance(command, typer.core.TyperGroup):
        return [each for below in command.commands.values() for each in options_of(below)]  # type: ignore[arg-type]
    return [[spelling for option in command.params for spelling in option.opts]]


def orderdock(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("orderdock")), *arguments]


async def in_a_process(*arguments: str, typed: bytes = b"") -> tuple[int | None, str, str]:
    """The exit code, stdout and stderr of the command as people run it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *orderdock(*arguments), stdin=pipe, stdout=pipe, stderr=pipe
    )
    out, error = await process.communicate(typed)
    return process.returncode, out.decode(), error.decode()

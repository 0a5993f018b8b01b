"""The platform's mailbox: takes mail by SMTP, keeps it, shows it by command and address."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import httpx
import pytest
from typer.testing import CliRunner, Result

from deploy.local import cli, mail, memory
from deploy.local.errors import PlatformError
from deploy.local.mailbox import MOST_BYTES, Mailbox
from deploy.local.ports import LOOPBACK, free_port
from tests.harness import until

HOLDER = """
import asyncio, sys
from pathlib import Path
from deploy.local.mailbox import Mailbox

async def main():
    await Mailbox(Path(sys.argv[1]), smtp_port=int(sys.argv[2]), page_port=int(sys.argv[3])).start()
    print("open", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def ports() -> tuple[int, int]:
    first = free_port()
    return first, free_port(taken=frozenset({first}))


@pytest.fixture
async def mailbox(tmp_path: Path, ports: tuple[int, int]) -> AsyncIterator[Mailbox]:
    memory.write_ports(tmp_path, {"smtp": ports[0], "mail": ports[1]})
    mailbox = Mailbox(tmp_path / mail.FOLDER, smtp_port=ports[0], page_port=ports[1])
    await mailbox.start()
    yield mailbox
    await mailbox.stop()


def letter(
    to: str = "ada@example.com", subject: str = "Grüße aus Köln", text: str = "Schöne Grüße\n"
) -> EmailMessage:
    """A mail of two parts."""
    message = EmailMessage()
    message["From"] = "Orderdock <orderdock@orderdock.example>"
    message["To"], message["Subject"], message["Message-ID"] = to, subject, "<1@orderdock.example>"
    message.set_content(text)
    message.add_alternative("<p>Schöne <b>Grüße</b></p>", subtype="html")
    return message


async def send(port: int, message: EmailMessage | bytes, *to: str) -> None:
    """Send by SMTP; to those that its header To names unless told otherwise."""
    sender = "orderdock@orderdock.example"
    await aiosmtplib.send(message, sender=sender, recipients=to or None, hostname=LOOPBACK, port=port)


async def get(mailbox: Mailbox, path: str, host: str = "") -> httpx.Response:
    async with httpx.AsyncClient(base_url=mailbox.url, trust_env=False) as client:
        return await client.get(path, headers={"Host": host} if host else {})


def command(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["mail", *arguments, "--data", str(folder)])


async def test_a_mail_with_umlauts_and_two_parts_is_read_as_it_was_sent(
    mailbox: Mailbox, ports: tuple[int, int]
) -> None:
    await send(ports[0], letter())
    (found,) = (await get(mailbox, "/mails.json")).json()
    assert found["from"] == "Orderdock <orderdock@orderdock.example>"
    assert found["to"] == ["ada@example.com"]
    assert found["subject"] == "Grüße aus Köln"
    assert found["text"] == "Schöne Grüße\n"
    assert found["html"] == "<p>Schöne <b>Grüße</b></p>\n"


async def test_a_mail_is_a_file_for_its_owner_only(mailbox: Mailbox, ports: tuple[int, int]) -> None:
    await send(ports[0], letter())
    (file,) = mailbox.folder.iterdir()
    assert file.suffix == ".eml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert mailbox.folder.stat().st_mode & 0o777 == 0o700


async def test_the_page_lists_the_newest_first_and_shows_one_as_text(
    mailbox: Mailbox, ports: tuple[int, int]
) -> None:
    for subject in ("first", "second"):
        await send(ports[0], letter(subject=subject, text=f"This is the {subject}."))
    listed = (await get(mailbox, "/")).text
    assert listed.index("second") < listed.index("first")
    newest = (await get(mailbox, "/mails.json")).json()[0]["id"]
    assert f"/mails/{newest}" in listed
    shown = (await get(mailbox, f"/mails/{newest}")).text
    assert "Subject: second\nMessage-ID: &lt;1@orderdock.example&gt;\n\nThis is the second." in shown


async def test_nothing_a_mail_says_becomes_part_of_the_page(mailbox: Mailbox, ports: tuple[int, int]) -> None:
    await send(ports[0], letter(subject="<script>1</script>", text="</pre><img src=x>"))
    (found,) = (await get(mailbox, "/mails.json")).json()
    for path in ("/", f"/mails/{found['id']}"):
        answer = await get(mailbox, path)
        assert "&lt;script&gt;" in answer.text
        assert not any(tag in answer.text for tag in ("<script", "<img", "<b>"))
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none';")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_mail_is_found_by_whom_it_was_delivered_to_whatever_it_says_itself(
    mailbox: Mailbox, ports: tuple[int, int]
) -> None:
    liar = EmailMessage()
    liar["Delivered-To"] = liar["To"] = "ada@example.com"
    liar["Subject"] = "liar"
    await send(ports[0], liar, "Bob@example.com", "käthe@example.com")
    for address in ("bob@example.com", "käthe@example.com"):
        found = (await get(mailbox, f"/mails.json?to={address}")).json()
        assert [each["subject"] for each in found] == ["liar"]
    assert (await get(mailbox, "/mails.json?to=ada@example.com")).json() == []


async def test_another_host_is_refused(mailbox: Mailbox, ports: tuple[int, int]) -> None:
    assert (await get(mailbox, "/", f"localhost:{ports[1]}")).status_code == 200
    for host in ("evil.example", f"127.0.0.1.evil.example:{ports[1]}", f"localhost.:{ports[1]}"):
        assert (await get(mailbox, "/mails.json", host)).status_code == 421


@pytest.mark.parametrize("mail_id", ["..%2F..%2Fsecrets.json", "..%2Fplatform", "%00", "1", "x" * 300])
async def test_what_is_no_id_is_not_found(mailbox: Mailbox, mail_id: str) -> None:
    answer = await get(mailbox, f"/mails/{mail_id}")
    assert answer.status_code == 404
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_mail_too_large_is_refused_and_not_kept(mailbox: Mailbox, ports: tuple[int, int]) -> None:
    with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
        await send(ports[0], letter(text="every line\n" * (MOST_BYTES // 10)))
    assert refused.value.code == 552
    assert list(mail.read(mailbox.folder)) == []


@pytest.mark.parametrize(
    ("message", "to", "code"),
    [
        (b"Content-Type: text/plain; charset=klingon\r\n\r\nnuqneH\r\n", "ada@example.com", 554),
        (letter(), "ada\u202e@example.com", 553),
    ],
)
async def test_what_could_not_be_shown_is_refused(
    mailbox: Mailbox, ports: tuple[int, int], message: EmailMessage | bytes, to: str, code: int
) -> None:
    with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
        await send(ports[0], message, to)
    assert refused.value.code == code
    assert list(mail.read(mailbox.folder)) == []


async def test_mails_and_their_order_survive_a_restart_on_the_same_ports(
    mailbox: Mailbox, ports: tuple[int, int]
) -> None:
    await send(ports[0], letter(subject="before"))
    await mailbox.stop()
    again = Mailbox(mailbox.folder, smtp_port=ports[0], page_port=ports[1])
    await again.start()
    await send(ports[0], letter(subject="after"))
    assert [each["subject"] for each in (await get(again, "/mails.json")).json()] == ["after", "before"]
    await again.stop()


async def test_a_mail_that_was_taken_survives_kill_9(tmp_path: Path, ports: tuple[int, int]) -> None:
    command_line = sys.executable, "-c", HOLDER, str(tmp_path / "mail"), *map(str, ports)
    holder = await asyncio.create_subprocess_exec(*command_line, stdout=asyncio.subprocess.PIPE)
    try:
        assert holder.stdout is not None
        await holder.stdout.readline()
        await send(ports[0], letter())
    finally:
        holder.kill()
        await holder.wait()
    assert [each.subject for each in mail.read(tmp_path / "mail")] == ["Grüße aus Köln"]


async def test_a_stopped_mailbox_lets_no_client_wait(mailbox: Mailbox, ports: tuple[int, int]) -> None:
    client = aiosmtplib.SMTP(hostname=LOOPBACK, port=ports[0])
    await client.connect()
    await mailbox.stop()

    async def parted() -> bool:
        return not client.is_connected

    await until("the client's connection is closed", parted)


async def test_a_taken_port_is_told_in_words(mailbox: Mailbox, ports: tuple[int, int]) -> None:
    second = Mailbox(mailbox.folder, smtp_port=ports[0], page_port=ports[1])
    with pytest.raises(PlatformError, match="can't listen"):
        await second.start()
    await second.stop()


async def test_the_command_lists_mail_and_shows_the_newest_to_an_address(
    mailbox: Mailbox, ports: tuple[int, int], tmp_path: Path
) -> None:
    await send(ports[0], letter(subject="to Ada", text="Dear Ada"))
    await send(ports[0], letter(to="bob@example.com", subject="to Bob", text="Dear Bob"))
    everything = command(tmp_path).output
    assert everything.index("to Bob") < everything.index("to Ada")
    assert "Dear" not in everything
    assert "to Ada" not in command(tmp_path, "--last", "1").output
    adas = command(tmp_path, "ada@example.com").output
    assert "Subject: to Ada" in adas
    assert "Dear Ada" in adas
    assert "Bob" not in adas


async def test_the_command_gives_programs_what_the_page_gives_them(
    mailbox: Mailbox, ports: tuple[int, int], tmp_path: Path
) -> None:
    await send(ports[0], letter())
    assert json.loads(command(tmp_path, "--json").output) == (await get(mailbox, "/mails.json")).json()


async def test_no_control_character_of_a_mail_reaches_the_terminal(
    mailbox: Mailbox, ports: tuple[int, int], tmp_path: Path
) -> None:
    subject = b"Subject: =?utf-8?q?=1B[2J=C2=9B_[red]?=\r\n"
    await send(ports[0], subject + b"\r\na\x1b]0;b\x07c\rd\x08\r\n", "ada@example.com")
    for arguments in ([], ["ada@example.com"], ["--json"]):
        said = command(tmp_path, *arguments).output
        assert "[red]" in said
        assert not any(character in said for character in "\x1b\x9b\x07\x08\r")


def test_the_command_says_so_where_there_is_no_mail(tmp_path: Path) -> None:
    memory.write_ports(tmp_path, {"smtp": 18025})
    found = command(tmp_path, "ada@example.com")
    assert found.exit_code == 0
    assert found.output == f"No mail to ada@example.com was caught in {tmp_path}.\n"
    assert json.loads(command(tmp_path, "--json").output) == []


def test_the_command_says_so_where_no_platform_has_run(tmp_path: Path) -> None:
    found = command(tmp_path)
    assert isinstance(found.exception, PlatformError)
    assert "No platform has run" in str(found.exception)

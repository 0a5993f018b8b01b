"""Mail: kept encrypted until it is sent, tried again when the server is away, told once for each event."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from sqlalchemy import text

from integration.app import Settings
from shared.contracts import deliveries
from shared.contracts.deliveries import EndpointEvent
from shared.database import Database
from shared.kafka.topics import DELIVERIES
from tests.builders import NOW
from tests.component.integration.conftest import Person, Post, World
from tests.harness import publish, until

EMAIL = "depot@north.example"


async def rows(settings: Settings) -> list[Any]:
    """The mails in the database."""
    database = Database(settings.database_url)
    async with database.transaction() as connection:
        found = list(await connection.execute(text("SELECT * FROM mails ORDER BY created_at")))
    await database.close()
    return found


async def due_now(settings: Settings) -> None:
    """Every mail that waits is due at once."""
    database = Database(settings.database_url)
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE mails SET due_at = now() WHERE due_at IS NOT NULL"))
    await database.close()


async def settled(settings: Settings, what: str, condition: str) -> Any:
    """The one mail, once the condition on its row holds."""
    database = Database(settings.database_url)

    async def found() -> Any:
        async with database.transaction() as connection:
            return (await connection.execute(text(f"SELECT * FROM mails WHERE {condition}"))).first()

    row = await until(what, found)
    await database.close()
    return row


@asynccontextmanager
async def mail_server(settings: Settings, answer: str) -> AsyncIterator[None]:
    """A mail server that answers the end of each mail so."""

    async def on_data(*_: Any) -> str:
        return answer

    def connection() -> SMTP:
        return SMTP(SimpleNamespace(handle_DATA=on_data), hostname="localhost")

    port = int(settings.smtp_url.rpartition(":")[2])
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", port)
    async with server:
        yield


async def test_a_mail_waits_encrypted_while_the_server_is_away_and_is_sent_once_it_is_back(
    world: World, settings: Settings
) -> None:
    shop = await world.account("shop")
    await shop.post("/links", {"email": EMAIL})
    waiting = await settled(settings, "the first attempt failed", "attempts = 1 AND reason IS NOT NULL")
    assert b"invitation_" not in waiting.content
    assert "SMTPConnectError" in waiting.reason
    async with mail_server(settings, "250 OK"):
        await due_now(settings)
        sent = await settled(settings, "the mail is sent", "sent_at IS NOT NULL")
    assert (sent.attempts, sent.content, sent.due_at) == (2, None, None)


@pytest.mark.parametrize(
    ("answer", "condition"),
    [
        ("451 4.3.0 Later", "attempts = 1 AND due_at > now() AND reason LIKE '%451%'"),
        ("554 5.7.1 Never", "attempts = 1 AND failed_at IS NOT NULL AND content IS NULL"),
    ],
)
async def test_a_4xx_answer_is_tried_again_and_a_5xx_is_final(
    world: World, settings: Settings, answer: str, condition: str
) -> None:
    shop = await world.account("shop")
    async with mail_server(settings, answer):
        await shop.post("/links", {"email": EMAIL})
        await settled(settings, f"the answer {answer} is settled", condition)


async def test_a_mail_that_is_of_no_use_any_more_is_not_sent(world: World, settings: Settings) -> None:
    shop = await world.account("shop")
    await shop.post("/links", {"email": "late@north.example"})
    withdrawn = (await shop.post("/links", {"email": "withdrawn@north.example"})).json()
    await settled(settings, "both were tried", "attempts = 1 AND recipient LIKE 'withdrawn%'")
    await shop.delete(f"/links/{withdrawn['id']}")
    database = Database(settings.database_url)
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE mails SET until = now(), due_at = now()"))
    await database.close()
    async with mail_server(settings, "250 OK"):
        late = await settled(settings, "the late one is given up", "failed_at IS NOT NULL")
    assert (late.recipient, late.reason) == ("late@north.example", "what it tells is of no use any more")
    assert [row.recipient for row in await rows(settings)] == ["late@north.example"]


async def test_a_mail_that_no_key_opens_holds_up_no_other(
    post: Post, world: World, settings: Settings
) -> None:
    database = Database(settings.database_url)
    async with database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO mails (id, recipient, content, created_at, due_at)"
                " VALUES ('sealed', 'a@b.example', 'x', now() - interval '1 hour', now() - interval '1 hour')"
            )
        )
    await database.close()
    shop = await world.account("shop")
    await shop.post("/links", {"email": EMAIL})
    await post.latest(EMAIL)
    sealed = await settled(settings, "the other waits", "id = 'sealed' AND attempts > 0 AND due_at > now()")
    assert "none of its keys opens" in sealed.reason


async def event(of: Person, settings: Settings, kind: str, event_id: str) -> None:
    said = EndpointEvent(
        endpoint_id="endpoint-1",
        link_id="link-1",
        threepl_id=of.id,
        url="https://hooks.north.example/secret-path",
        reason="no answer for 60 hours",
    )
    value = deliveries.write(said, event_id, kind, NOW)
    topic = settings.topic_prefix + DELIVERIES
    await publish(settings.kafka_bootstrap_servers, (topic, b"link-1", value))


async def test_the_owner_of_an_endpoint_is_warned_and_told_when_it_is_disabled_once(
    post: Post, world: World, settings: Settings
) -> None:
    threepl = await world.account("threepl")
    for _ in range(3):
        await event(threepl, settings, deliveries.ENDPOINT_WARNED, "endpoint-1/warned/0")
        await event(threepl, settings, deliveries.ENDPOINT_DISABLED, "endpoint-1/disabled/0")
        await event(threepl, settings, deliveries.ENDPOINT_ENABLED, "endpoint-1/enabled/1")
    await event(threepl, settings, deliveries.ENDPOINT_DISABLED, "endpoint-1/disabled/1")
    letters = await post.letters(threepl.email, 3)
    assert sorted(letter.subject for letter in letters) == [
        "Webhooks to hooks.north.example are failing",
        "Webhooks to hooks.north.example are switched off",
        "Webhooks to hooks.north.example are switched off",
    ]
    assert all("no answer for 60 hours" in letter.text for letter in letters)
    assert not any("secret-path" in letter.text for letter in letters)
    assert len(await rows(settings)) == 3


async def test_an_event_that_cannot_be_read_is_a_dead_letter_and_the_next_is_told(
    post: Post, world: World, settings: Settings
) -> None:
    threepl = await world.account("threepl")
    topic = settings.topic_prefix + DELIVERIES
    await publish(settings.kafka_bootstrap_servers, (topic, b"link-1", b"{"))
    await event(threepl, settings, deliveries.ENDPOINT_DISABLED, "endpoint-1/disabled/0")
    await post.letters(threepl.email)
    database = Database(settings.database_url)
    async with database.transaction() as connection:
        [letter] = await connection.execute(text("SELECT value, reason FROM dead_letters"))
    await database.close()
    assert (letter.value, letter.reason[:7]) == (b"{", "no JSON")

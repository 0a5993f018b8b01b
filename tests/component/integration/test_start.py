"""How the service starts, refuses to start, and gets its first signing key and its first operator."""

import asyncio
import os
import sys

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text

from integration import operators
from integration.app import Settings, build
from shared.auth import verify
from shared.contracts import links
from shared.contracts.callers import Caller
from shared.database import Database
from shared.errors import Problem, SettingsWrong
from shared.kafka.topics import LINKS
from tests.builders import link
from tests.component.integration.conftest import MAIL
from tests.harness import publish, running, until


async def test_it_refuses_an_empty_database_beside_a_topic_that_tells_of_links(settings: Settings) -> None:
    topic = settings.topic_prefix + LINKS
    await publish(settings.kafka_bootstrap_servers, (topic, b"link-1", links.write(link())))
    with pytest.raises(SettingsWrong, match=f"holds no links, but the topic {topic} tells of some"):
        async with running(build(settings)):
            pass


async def test_it_starts_again_beside_links_of_its_own(settings: Settings) -> None:
    topic = settings.topic_prefix + LINKS
    await publish(settings.kafka_bootstrap_servers, (topic, b"link-1", links.write(link())))
    database = Database(settings.database_url)
    async with database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO accounts VALUES "
                "('S-1', 'shop', 's@example.com', 's', 'grow', now()), "
                "('T-1', 'threepl', 't@example.com', 't', 'conquer', now())"
            )
        )
        await connection.execute(
            text(
                "INSERT INTO links VALUES ('link-1', 'S-1', 'T-1', 'shop', true, true, 'deleted', 3, 1, "
                "'{}', '{}', '{}', now(), now())"
            )
        )
    await database.close()
    async with running(build(settings)) as client:

        async def ready() -> bool:
            return (await client.get("/health/ready")).status_code == 200

        await until("the service is ready", ready)


async def test_processes_that_start_at_once_make_one_signing_key_that_signs_at_once(
    settings: Settings,
) -> None:
    all_parts = [build(settings).state.parts for _ in range(5)]
    await asyncio.gather(*(parts.tokens.ensure_key() for parts in all_parts))
    published = [await parts.tokens.published() for parts in all_parts]
    assert len(published[0]) == 1
    assert all(keys == published[0] for keys in published)
    caller = Caller(account="S-1", kind="shop", subject="key_1")
    token = await all_parts[0].tokens.issue(caller)
    assert await verify(token, all_parts[1].tokens.find) == caller
    for parts in all_parts:
        await parts.database.close()


async def test_encryption_keys_that_open_nothing_are_refused_at_the_start(settings: Settings) -> None:
    async with running(build(settings)):
        pass
    other = settings.model_copy(update={"encryption_keys": (SecretStr(Fernet.generate_key().decode()),)})
    with pytest.raises(SettingsWrong, match="none of its keys opens a stored secret"):
        async with running(build(other)):
            pass
    with pytest.raises(SettingsWrong, match="ORDERDOCK_ENCRYPTION_KEYS: is missing"):
        build(settings.model_copy(update={"encryption_keys": ()}))


async def test_a_second_operator_of_the_same_email_is_refused_in_words(settings: Settings) -> None:
    await operators.create(settings, "Ops@example.com")
    with pytest.raises(Problem, match="There is an operator account with the e-mail"):
        await operators.create(settings, "ops@example.com")
    with pytest.raises(Problem, match="is no e-mail address"):
        await operators.create(settings, "ops")


async def test_an_operator_needs_a_migrated_database(settings: Settings) -> None:
    database = Database(settings.database_url)
    async with database.transaction() as connection:
        await connection.execute(text("DROP TABLE accounts CASCADE"))
    await database.close()
    with pytest.raises(SettingsWrong, match="run `orderdock-integration migrate` first"):
        await operators.create(settings, "ops@example.com")


async def test_the_command_exits_2_and_says_why_it_refuses(settings: Settings) -> None:
    topic = settings.topic_prefix + LINKS
    await publish(settings.kafka_bootstrap_servers, (topic, b"link-1", links.write(link())))
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "ORDERDOCK_TOPIC_PREFIX": settings.topic_prefix,
        "ORDERDOCK_ENCRYPTION_KEYS": settings.encryption_keys[0].get_secret_value(),
        "ORDERDOCK_PORT": "0",
        **{f"ORDERDOCK_{name.upper()}": value for name, value in MAIL.items()},
    }
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from integration.app import main; main()", "serve"),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await command.communicate()
    assert command.returncode == 2
    assert said.decode().startswith("orderdock-integration: DATABASE_URL: this database holds no links")

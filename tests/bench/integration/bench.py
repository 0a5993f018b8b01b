"""The measures of the integration service: of one process that is started here and stopped after them."""

from contextlib import ExitStack

import asyncpg
from cryptography.fernet import Fernet

from deploy.local.jars import Say
from deploy.local.service_process import Service
from tests.bench.aims import Measure
from tests.bench.integration import announcing, bare, cast, pages, reading
from tests.bench.integration.cast import Cast
from tests.bench.integration.load import Load, load
from tests.bench.stage import Servers, start


async def bench(servers: Servers, say: Say, long: bool) -> list[Measure]:
    """All of them; `long` changes nothing here."""
    service = servers.make_service("integration", _settings())
    database_url = service.environment["DATABASE_URL"]
    say("Making the links …")
    actors = await cast.make(database_url)
    with ExitStack() as stack:
        async with load() as started:
            async with announcing.relay_kept_out(database_url) as held:
                start(service, stack)
                say("Counting the transactions of acts …")
                counted = await _count(servers, service, actors, started, held)
            await announcing.published(database_url)
            bare_url = bare.start(servers.folder, database_url, stack)
            return [*await _read(service, bare_url, actors, started, say), *counted]


async def _count(
    servers: Servers, service: Service, actors: Cast, load: Load, held: asyncpg.Connection
) -> list[Measure]:
    token, account = await cast.token(service.url, actors.acting), actors.acting.account_id
    return await announcing.measure(load, held, servers.server_url, service.url, token, account)


async def _read(service: Service, bare_url: str, actors: Cast, load: Load, say: Say) -> list[Measure]:
    url, database_url, most = service.url, service.environment["DATABASE_URL"], actors.many.account_id
    say("Reading single links …")
    token = await cast.token(url, actors.many)
    single = await reading.measure(load, database_url, url, token, most, bare_url)
    say("Reading pages …")
    few = await pages.reader(database_url, await cast.token(url, actors.few), actors.few.account_id)
    many = await pages.reader(database_url, token, most)
    operator = await pages.reader(database_url, await cast.token(url, actors.operator), most)
    return [single, *await pages.measure(load, url, few, many, operator)]


def _settings() -> dict[str, str]:
    return {
        "ORDERDOCK_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ORDERDOCK_SMTP_URL": "smtp://127.0.0.1:9",  # nobody takes mail there, and none is sent
        "ORDERDOCK_MAIL_FROM": "orderdock@orderdock.example",
        "ORDERDOCK_CONSOLE_URL": "http://127.0.0.1:9",
    }

"""Who calls in a bench: an operator, and 3PLs with few links, with very many, and with some to act on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import httpx

from integration.api_keys import IssuedApiKey
from integration.registration import issue_key, open_account
from shared.contracts.identifiers import AccountKind
from shared.database import Database, asyncpg_url
from tests.bench.integration.population import Crowd, populate

FEW, MANY, ACTED_ON, BYSTANDERS = 100, 100_000, 1000, 500


@dataclass(frozen=True)
class Cast:
    """The keys of the callers' accounts."""

    operator: IssuedApiKey
    few: IssuedApiKey
    many: IssuedApiKey
    acting: IssuedApiKey


async def make(database_url: str) -> Cast:
    """The accounts, their keys, and the links."""
    database = Database(asyncpg_url(database_url))
    wanted: Sequence[AccountKind] = ("operator", "threepl", "threepl", "threepl")
    keys = [await _account(database, kind, place) for place, kind in enumerate(wanted)]
    await database.close()
    cast = Cast(*keys)
    crowds = (Crowd(cast.few.account_id, FEW), Crowd(cast.many.account_id, MANY))
    connection = await asyncpg.connect(database_url)
    await populate(connection, [*crowds, Crowd(cast.acting.account_id, ACTED_ON)], BYSTANDERS)
    await connection.close()
    return cast


async def token(url: str, key: IssuedApiKey) -> str:
    """An access token of the service at the URL."""
    form = {"grant_type": "client_credentials", "client_id": key.id, "client_secret": key.secret}
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        answer = await client.post("/oauth/token", data=form)
    return str(answer.raise_for_status().json()["access_token"])


async def _account(database: Database, kind: AccountKind, place: int) -> IssuedApiKey:
    now = datetime.now(UTC)
    async with database.transaction() as connection:
        name, email = f"Bench {place}", f"bench{place}@example.com"
        account = await open_account(connection, kind, email, name, now, plan="conquer")
        return await issue_key(connection, account.id, "bench", ["read", "write"], now)

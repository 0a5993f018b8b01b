"""How an account, its people and its API keys come to be."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from integration.accounts import WITH_ARTICLE, Account, Plan, symbols
from integration.api_keys import IssuedApiKey, hashed, issue
from integration.languages import Language
from integration.people import ID_PREFIX, Person
from integration.store import accounts, api_keys, people
from shared.contracts.callers import Role, Scope
from shared.contracts.identifiers import ALPHABET, SYMBOLS, AccountKind, account_id
from shared.errors import Problem

KEY_CHANCE = 40  # bytes


async def open_account(
    connection: AsyncConnection,
    kind: AccountKind,
    email: str,
    name: str,
    now: datetime,
    *,
    plan: Plan = "free",
    language: Language = "en",
) -> Account:
    """The new account, its id chosen by chance until one is free; raises the problem `email-taken`."""
    while True:
        account = Account(
            id=account_id(kind, symbols(secrets.randbelow(len(ALPHABET) ** SYMBOLS))),
            kind=kind,
            email=email,
            name=name,
            plan=plan,
            language=language,
            created_at=now,
        )
        if await accounts.add(connection, account):
            return account
        if await accounts.find_by_email(connection, kind, email):
            raise Problem(
                409, "email-taken", f"There is {WITH_ARTICLE[kind]} account with the e-mail {email} already."
            )


async def add_person(
    connection: AsyncConnection,
    account: Account,
    email: str,
    name: str,
    roles: frozenset[Role],
    clients: frozenset[str] | None,
    password_hash: str | None,
    now: datetime,
) -> Person:
    """The account's new person; raises the problem `email-taken`."""
    person = Person(
        id=ID_PREFIX + secrets.token_hex(8),
        account_id=account.id,
        kind=account.kind,
        email=email,
        name=name,
        roles=roles,
        clients=clients,
        created_at=now,
    )
    if not await people.add(connection, person, password_hash):
        raise Problem(
            409, "email-taken", f"Somebody of {WITH_ARTICLE[account.kind]} signs in as {email} already."
        )
    return person


async def issue_key(
    connection: AsyncConnection, account: str, name: str, scopes: Sequence[Scope], now: datetime
) -> IssuedApiKey:
    """A new key of an account, of whose secret only a hash is kept."""
    key = issue(account, name, scopes, secrets.token_bytes(KEY_CHANCE), now)
    await api_keys.add(connection, key, hashed(key.secret))
    return key

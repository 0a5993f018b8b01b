"""How an account and its API keys come to be."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from integration.accounts import WITH_ARTICLE, Account, Plan, symbols
from integration.api_keys import IssuedApiKey, hashed, issue
from integration.store import accounts, api_keys
from shared.auth import Scope
from shared.contracts.identifiers import ALPHABET, SYMBOLS, AccountKind, account_id
from shared.errors import Problem

KEY_CHANCE = 40  # bytes


async def open_account(
    connection: AsyncConnection, kind: AccountKind, email: str, name: str, plan: Plan, now: datetime
) -> Account:
    """The new account, its id chosen by chance until one is free; raises the problem `email-taken`."""
    while True:
        chosen = account_id(kind, symbols(secrets.randbelow(len(ALPHABET) ** SYMBOLS)))
        account = Account(id=chosen, kind=kind, email=email, name=name, plan=plan, created_at=now)
        if await accounts.add(connection, account):
            return account
        if await accounts.find_by_email(connection, kind, email):
            raise Problem(
                409, "email-taken", f"There is {WITH_ARTICLE[kind]} account with the e-mail {email} already."
            )


async def issue_key(
    connection: AsyncConnection, account: str, name: str, scopes: Sequence[Scope], now: datetime
) -> IssuedApiKey:
    """A new key of an account, of whose secret only a hash is kept."""
    key = issue(account, name, scopes, secrets.token_bytes(KEY_CHANCE), now)
    await api_keys.add(connection, key, hashed(key.secret))
    return key

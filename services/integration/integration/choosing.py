"""Lets a person choose a password: a one-time token, of which they get the only copy by mail."""

import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from integration.accounts import Account
from integration.correspondence import Correspondence
from integration.mail_texts import Text
from integration.one_time_tokens import CHANCE, hashed, written
from integration.people import Person
from integration.store import password_tokens

TOKEN_PREFIX = "password_"  # noqa: S105 -- what every token begins with


async def offer_password(
    connection: AsyncConnection,
    letters: Correspondence,
    text: Text,
    person: Person,
    account: Account,
    lifetime: timedelta,
) -> None:
    """Keeps the hash of a new token, and puts the mail with the token into the queue."""
    now = datetime.now(UTC)
    token = written(TOKEN_PREFIX, secrets.token_bytes(CHANCE))
    await password_tokens.add(connection, person.id, hashed(token), now + lifetime)
    await letters.choose_password(connection, text, person, account, token, now, now + lifetime)

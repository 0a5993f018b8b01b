"""Sends an invitation under a new token, the first time and again."""

import secrets
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.accounts import Account
from integration.api.parts import Parts
from integration.api.work import Work
from integration.correspondence import Correspondence
from integration.invitations import TOKEN_PREFIX, Invitation
from integration.one_time_tokens import CHANCE, hashed, written

log = structlog.get_logger()

Keep = Callable[[AsyncConnection, Invitation, bytes], Awaitable[None]]


async def send_invitation(
    connection: AsyncConnection,
    parts: Parts,
    work: Work,
    invitation: Invitation,
    inviter: Account,
    keep: Keep,
) -> None:
    """Keeps the invitation with the hash of a new token, and puts the mail with the token into the queue."""
    token = written(TOKEN_PREFIX, secrets.token_bytes(CHANCE))
    await keep(connection, invitation, hashed(token))
    letters = Correspondence(parts.ring, parts.console_url)
    await letters.invitation(connection, invitation, inviter, token)
    work.then(parts.post)
    work.then(lambda: log.info("invitation.sent", invitation=invitation.id, link=invitation.link_id))

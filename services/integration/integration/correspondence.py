"""What is written to whom when: each mail goes into the queue with the change that caused it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection

from integration import mail_texts
from integration.accounts import Account
from integration.invitations import Invitation
from integration.mail_texts import Text
from integration.mails import Mail
from integration.one_time_tokens import hashed
from integration.people import Person
from integration.store import mails
from shared.contracts.deliveries import EndpointEvent
from shared.encryption import KeyRing


@dataclass(frozen=True)
class Correspondence:
    """Writes mails that link to the console; a token stands behind the `#`, so that no server logs it."""

    ring: KeyRing
    console_url: str

    async def invitation(
        self, connection: AsyncConnection, invitation: Invitation, inviter: Account, token: str
    ) -> None:
        mail = mail_texts.write(
            "invitation",
            invitation.language,
            f"{mail_prefix(invitation)}{invitation.sent_at:%Y%m%d%H%M%S%f}",
            invitation.email,
            useful_until=invitation.expires_at,
            inviter=inviter.name,
            inviter_id=inviter.id,
            kind=invitation.kind,
            url=self._url("invitations", token),
            until=_moment(invitation.expires_at),
        )
        await self._post(connection, mail, invitation.sent_at)

    async def choose_password(
        self,
        connection: AsyncConnection,
        text: Text,
        person: Person,
        account: Account,
        token: str,
        now: datetime,
        until: datetime,
    ) -> None:
        """The mail `welcome` or `password-reset`."""
        mail = mail_texts.write(
            text,
            account.language,
            _mail_id(text, token),
            person.email,
            useful_until=until,
            name=person.name,
            account=account.name,
            account_id=account.id,
            url=self._url("password", token),
            until=_moment(until),
        )
        await self._post(connection, mail, now)

    async def endpoint(
        self,
        connection: AsyncConnection,
        text: Text,
        event_id: str,
        event: EndpointEvent,
        account: Account,
        now: datetime,
    ) -> None:
        """The mail `endpoint-warned` or `endpoint-disabled` to the owner, once for each event."""
        mail = mail_texts.write(
            text,
            account.language,
            _mail_id(text, event_id),
            account.email,
            host=urlsplit(event.url).hostname or "an unknown host",
            account=account.name,
            account_id=account.id,
            link_id=event.link_id,
            reason=event.reason,
        )
        await self._post(connection, mail, now)

    async def _post(self, connection: AsyncConnection, mail: Mail, now: datetime) -> None:
        await mails.add(connection, self.ring, mail, now)

    def _url(self, page: str, token: str) -> str:
        return f"{self.console_url.rstrip('/')}/{page}#{token}"


def mail_prefix(invitation: Invitation) -> str:
    """What the ids of an invitation's mails begin with."""
    return f"invitation-{invitation.id}-"


def _mail_id(text: str, fact: str) -> str:
    """The same for the same fact, and nothing that tells a token."""
    return f"{text}-{hashlib.sha256(hashed(fact)).hexdigest()[:32]}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

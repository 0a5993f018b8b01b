"""How a change of a link is kept and announced, whichever route made it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from integration import history, invitations
from integration.accounts import Account
from integration.api.parts import Parts
from integration.api.work import Work
from integration.correspondence import mail_prefix
from integration.history import Actor
from integration.lifecycle import Act
from integration.links import OwnLink
from integration.store import accounts, link_history, links, mails
from integration.store import invitations as invitation_store
from integration.visibility import link_for
from shared import outbox
from shared.contracts import links as contract
from shared.contracts.callers import Caller
from shared.errors import Problem, not_found
from shared.problems import problems

log = structlog.get_logger()

TAGGED: dict[str, Any] = {
    "headers": {"ETag": {"description": "The link's version, quoted.", "schema": {"type": "string"}}}
}
READS = {200: TAGGED, **problems(not_found=404)}


def now() -> datetime:
    return datetime.now(UTC)


def actor(caller: Caller) -> Actor:
    """The caller as the history names it."""
    return Actor(who=caller.account, by=caller.subject)


async def held_account(connection: AsyncConnection, caller: Caller) -> Account:
    """The caller's account, whose plan stays as it is until the transaction ends."""
    account = await accounts.hold(connection, caller.account)
    if account is None:
        raise not_found("account")
    return account


def theirs(link: OwnLink | None) -> OwnLink:
    """The link that was looked for under the caller's account; raises the 404 problem if there was none."""
    if link is None:
        raise not_found("link")
    return link


def require_match(if_match: str | None, link: OwnLink) -> None:
    """Raises the 412 problem unless the change is meant for this version (RFC 9110, 13.1.1)."""
    wanted = {tag.strip() for tag in ("*" if if_match is None else if_match).split(",")}
    if not wanted & {"*", etag(link)}:
        raise Problem(
            412,
            "version-changed",
            f"The link is at version {link.version} by now; read it again and decide anew.",
            version=link.version,
        )


def etag(link: OwnLink) -> str:
    return f'"{link.version}"'


def tagged(response: Response, link: OwnLink, caller: Caller) -> OwnLink:
    """The link as the answer to this caller, under its ETag."""
    response.headers["ETag"] = etag(link)
    return link_for(caller, link)


async def save(
    connection: AsyncConnection,
    parts: Parts,
    work: Work,
    before: OwnLink,
    after: OwnLink,
    act: Act,
    by: Actor,
) -> None:
    """Saves and announces what became of a claimed link, and ends the invitation that ends with it."""
    await links.save(connection, after)
    if after.status == "deleted" and after.email is not None:
        await _withdraw(connection, after)
    await record(connection, parts.links_topic, [(before, after)], act, by)
    announce(parts, work, after, act, by)


async def record(
    connection: AsyncConnection,
    topic: str,
    changes: Sequence[tuple[OwnLink | None, OwnLink]],
    act: Act,
    by: Actor,
) -> None:
    """Writes each change's history line, and its record of `links` into the outbox."""
    lines = [history.line(before, after, act, by) for before, after in changes]
    await link_history.add(connection, [after.id for _, after in changes], lines)
    messages = [
        outbox.Message(topic, after.id.encode(), contract.write(after.announced())) for _, after in changes
    ]
    await outbox.add(connection, messages)


def announce(parts: Parts, work: Work, link: OwnLink, act: Act, by: Actor) -> None:
    """Tells the relay and the log of the change once it is committed."""
    ids = {"link": link.id, "shop": link.shop_id, "threepl": link.threepl_id, "who": by.who, "by": by.by}
    said = {**ids, "act": act, "status": link.status, "version": link.version, "epoch": link.epoch}
    work.then(parts.announce)
    work.then(lambda: log.info("link.changed", **said))


async def _withdraw(connection: AsyncConnection, link: OwnLink) -> None:
    """Ends the invitation that is still open for a deleted link; a mail that waits is not sent."""
    invitation = await invitation_store.claim_open_of(connection, link.id)
    if invitation is not None:
        await invitation_store.save(connection, invitations.withdrawn(invitation, link.changed_at))
        await mails.drop(connection, mail_prefix(invitation))

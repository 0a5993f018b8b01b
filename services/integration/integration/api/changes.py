"""How a change of a link is kept and announced, whichever route made it."""

from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from integration import history
from integration.accounts import Account
from integration.api.parts import Parts, problems
from integration.lifecycle import Act
from integration.store import accounts, links
from integration.visibility import link_for
from shared import outbox
from shared.auth import Caller
from shared.contracts import links as contract
from shared.contracts.links import Link, Side
from shared.errors import Problem, forbidden, not_found

log = structlog.get_logger()

TAGGED: dict[str, Any] = {
    "headers": {"ETag": {"description": "The link's version, quoted.", "schema": {"type": "string"}}}
}
READS = {200: TAGGED, **problems(not_found=404)}


def now() -> datetime:
    return datetime.now(UTC)


def acting_side(caller: Caller) -> Side:
    """The side on which the caller may change links; raises the 403 problem if there is none."""
    if caller.kind == "operator":
        raise forbidden("Operators read links; only the two sides change them.")
    caller.require("write", "administrator", "manager")
    return caller.kind


async def held_account(connection: AsyncConnection, caller: Caller) -> Account:
    """The caller's account, whose plan stays as it is until the transaction ends."""
    account = await accounts.hold(connection, caller.account)
    if account is None:
        raise not_found("account")
    return account


def theirs(link: Link | None) -> Link:
    """The link that was looked for under the caller's account; raises the 404 problem if there was none."""
    if link is None:
        raise not_found("link")
    return link


def require_match(if_match: str | None, link: Link) -> None:
    """Raises the 412 problem unless the change is meant for this version (RFC 9110, 13.1.1)."""
    wanted = {tag.strip() for tag in ("*" if if_match is None else if_match).split(",")}
    if not wanted & {"*", etag(link)}:
        raise Problem(
            412,
            "version-changed",
            f"The link is at version {link.version} by now; read it again and decide anew.",
            version=link.version,
        )


def etag(link: Link) -> str:
    return f'"{link.version}"'


def tagged(response: Response, link: Link, caller: Caller) -> Link:
    """The link as the answer to this caller, under its ETag."""
    response.headers["ETag"] = etag(link)
    return link_for(caller.kind, link)


async def record(
    connection: AsyncConnection, topic: str, before: Link | None, after: Link, act: Act, who: str
) -> None:
    """Writes the change's history line, and its record of `links` into the outbox."""
    await links.add_history(connection, after.id, history.line(before, after, act, who))
    await outbox.add(connection, [outbox.Message(topic, after.id.encode(), contract.write(after))])


def announced(parts: Parts, response: Response, link: Link, act: Act, caller: Caller) -> Link:
    """Tells the relay and the log of a committed change, and answers the link."""
    parts.nudge()
    ids = {"link": link.id, "shop": link.shop_id, "threepl": link.threepl_id, "who": caller.account}
    log.info("link.changed", **ids, act=act, status=link.status, version=link.version, epoch=link.epoch)
    return tagged(response, link, caller)

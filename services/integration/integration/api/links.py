"""Links: either side starts one, both read their own with its history, operators read all."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from integration import lifecycle
from integration.accounts import WORDS, Account
from integration.api.bodies import NewLink
from integration.api.changes import (
    READS,
    TAGGED,
    acting_side,
    announced,
    held_account,
    now,
    record,
    tagged,
    theirs,
)
from integration.api.parts import EVERYWHERE, GivenCaller, GivenParts, GivenPlace, Limit, problems
from integration.history import HistoryLine
from integration.store import accounts, links
from integration.visibility import line_for, link_for
from shared.contracts.links import Link, Side, Status
from shared.errors import Problem
from shared.pages import cut, write

router = APIRouter(prefix="/links", tags=["links"], responses=EVERYWHERE)

STARTS = {
    201: TAGGED,
    **problems(forbidden=403, plan_required=403, account_not_found=404, link_exists=409),
}


class LinkPage(BaseModel):
    """Links, newest first; without `next_cursor` it is the last page."""

    links: list[Link]
    next_cursor: str | None


class HistoryPage(BaseModel):
    """A link's changes, newest first; without `next_cursor` it is the last page."""

    history: list[HistoryLine]
    next_cursor: str | None


@router.post("", status_code=201, summary="Start a link with the other side", responses=STARTS)
async def start(new: NewLink, caller: GivenCaller, parts: GivenParts, response: Response) -> Link:
    """The link is pending, the starter's switch on, until the other side activates it."""
    side = acting_side(caller)
    async with parts.database.transaction() as connection:
        own = await held_account(connection, caller)
        other = await _other_account(connection, side, new)
        shop, threepl = (own, other) if side == "shop" else (other, own)
        link = lifecycle.start(str(uuid.uuid4()), shop.id, threepl.id, side, own.plan, now())
        live = await links.add(connection, link)
        if live != link.id:
            raise Problem(409, "link-exists", f"These two have a live link already: {live}.", link_id=live)
        await record(connection, parts.links_topic, None, link, "start", own.id)
    response.headers["Location"] = f"/links/{link.id}"
    return announced(parts, response, link, "start", caller)


@router.get("", summary="List one's links; operators list all")
async def list_own(
    caller: GivenCaller,
    parts: GivenParts,
    before: GivenPlace,
    status: Annotated[Status | None, Query()] = None,
    limit: Limit = 50,
) -> LinkPage:
    caller.require("read")
    async with parts.database.transaction() as connection:
        found = await links.page(connection, caller, status, before, limit + 1)
    items, following = cut(found, limit, lambda link: write(link.created_at, link.id))
    return LinkPage(links=[link_for(caller.kind, link) for link in items], next_cursor=following)


@router.get("/{link_id}", summary="Read a link, a deleted one too", responses=READS)
async def read(link_id: str, caller: GivenCaller, parts: GivenParts, response: Response) -> Link:
    caller.require("read")
    async with parts.database.transaction() as connection:
        link = theirs(await links.find(connection, caller, link_id))
    return tagged(response, link, caller)


@router.get(
    "/{link_id}/history", summary="Read who changed what, and when", responses=problems(not_found=404)
)
async def read_history(
    link_id: str,
    caller: GivenCaller,
    parts: GivenParts,
    cursor: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    limit: Limit = 50,
) -> HistoryPage:
    caller.require("read")
    async with parts.database.transaction() as connection:
        theirs(await links.find(connection, caller, link_id))
        found = await links.history(connection, link_id, cursor, limit + 1)
    items, following = cut(found, limit, lambda line: str(line.version))
    return HistoryPage(history=[line_for(caller.kind, line) for line in items], next_cursor=following)


async def _other_account(connection: AsyncConnection, side: Side, new: NewLink) -> Account:
    """The account on the other side; raises the 404 problem `account-not-found`."""
    kind: Side = "threepl" if side == "shop" else "shop"
    if new.account_id is not None:
        found = await accounts.find(connection, new.account_id)
    else:
        found = await accounts.find_by_email(connection, kind, new.email or "")
    if found is None or found.kind != kind:
        raise Problem(
            404,
            "account-not-found",
            f"There is no {WORDS[kind]} with this {'e-mail' if new.email else 'account id'}. "
            "Invitations by mail are not there yet: ask an operator to make the account.",
        )
    return found

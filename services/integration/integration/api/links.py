"""Links: either side starts one, both read their own with its history, operators read all."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from integration import lifecycle
from integration.accounts import WORDS, Account
from integration.api.changes import (
    READS,
    TAGGED,
    actor,
    announce,
    held_account,
    now,
    record,
    tagged,
    theirs,
)
from integration.api.documented import LIMITED, POSTED
from integration.api.finding import Wanted, acting_side, find_other, other
from integration.api.parts import GivenCaller, GivenParts, GivenPlace, Limit
from integration.api.sending import send_invitation
from integration.api.work import GivenWork, WorkRoute
from integration.history import HistoryLine
from integration.invitations import sent
from integration.languages import Language
from integration.links import OwnLink
from integration.store import invitations as invitation_store
from integration.store import link_history, link_lists, links
from integration.store.link_lists import Filter
from integration.visibility import line_for, link_for
from shared.contracts.callers import Caller
from shared.contracts.identifiers import AccountId
from shared.contracts.links import Side, Status
from shared.errors import Problem, forbidden
from shared.pages import cut, write
from shared.problems import EVERYWHERE, problems

router = APIRouter(prefix="/links", tags=["links"], responses=EVERYWHERE, route_class=WorkRoute)

STARTS = {
    201: TAGGED,
    **POSTED,
    **LIMITED,
    **problems(forbidden=403, plan_required=403, account_not_found=404, link_exists=409),
}
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class NewLink(Wanted):
    """The other side; where nobody has the e-mail yet, it is invited by mail in this language."""

    language: Language = "en"


class LinkPage(BaseModel):
    """Links, newest first; without `next_cursor` it is the last page."""

    links: list[OwnLink]
    next_cursor: str | None


class HistoryPage(BaseModel):
    """A link's changes, newest first; without `next_cursor` it is the last page."""

    history: list[HistoryLine]
    next_cursor: str | None


@router.post("", status_code=201, summary="Start a link with the other side", responses=STARTS)
async def start(
    new: NewLink,
    caller: GivenCaller,
    parts: GivenParts,
    work: GivenWork,
    request: Request,
    response: Response,
) -> OwnLink:
    """The link is pending, the starter's switch on, until the other side activates it."""
    side = acting_side(caller, "write")
    await parts.limits.count_find(request, caller.account)
    connection = await work.begin()
    own = await held_account(connection, caller)
    found = await find_other(connection, side, new)
    _require_found(found, new, side)
    _require_client(caller, found)
    email = new.email if found is None else None
    link = lifecycle.start(str(uuid.uuid4()), own, side, found, email, now())
    live = await links.add(connection, link)
    if live != link.id:
        raise Problem(409, "link-exists", f"These two have a live link already: {live}.", link_id=live)
    if link.email is not None:
        await parts.limits.count_mail(request, link.email, caller.account)
        await _invite(connection, parts, work, link, own, new.language)
    await record(connection, parts.links_topic, [(None, link)], "start", actor(caller))
    announce(parts, work, link, "start", actor(caller))
    response.headers["Location"] = f"/links/{link.id}"
    return tagged(response, link, caller)


@router.get("", summary="List one's links; operators list all")
async def list_own(
    caller: GivenCaller,
    parts: GivenParts,
    before: GivenPlace,
    status: Annotated[Status | None, Query()] = None,
    other_side: Annotated[AccountId | None, Query(description="The account on the other side.")] = None,
    text: Annotated[
        Words | None,
        Query(description="Words that begin words of the other side's name or id, e-mail or reference."),
    ] = None,
    limit: Limit = 50,
) -> LinkPage:
    caller.require("read")
    wanted = Filter(status, other_side, text)
    async with parts.database.transaction() as connection:
        found = await link_lists.page(connection, caller, wanted, before, limit + 1)
    items, following = cut(found, limit, lambda link: write(link.created_at, link.id))
    return LinkPage(links=[link_for(caller, link) for link in items], next_cursor=following)


@router.get("/{link_id}", summary="Read a link, a deleted one too", responses=READS)
async def read(link_id: str, caller: GivenCaller, parts: GivenParts, response: Response) -> OwnLink:
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
        found = await link_history.page(connection, link_id, cursor, limit + 1)
    items, following = cut(found, limit, lambda line: str(line.version))
    return HistoryPage(history=[line_for(caller, line) for line in items], next_cursor=following)


async def _invite(
    connection: AsyncConnection,
    parts: GivenParts,
    work: GivenWork,
    link: OwnLink,
    inviter: Account,
    language: Language,
) -> None:
    kind = other(link.started_by)
    invitation = sent(
        str(uuid.uuid4()), link.id, inviter.id, kind, link.email or "", language, link.created_at
    )
    await send_invitation(connection, parts, work, invitation, inviter, invitation_store.add)


def _require_found(found: Account | None, new: NewLink, side: Side) -> None:
    """An e-mail that nobody has can be invited; an account id that nobody has is a mistake."""
    if found is None and new.account_id is not None:
        raise Problem(
            404,
            "account-not-found",
            f"There is no {WORDS[other(side)]} with this account id; check it with the other side, or give "
            "its e-mail: where nobody has that yet, it is invited by mail.",
        )


def _require_client(caller: Caller, found: Account | None) -> None:
    if caller.clients is not None and (found is None or found.id not in caller.clients):
        raise forbidden("You may only link with the client shops that you are limited to.")

"""Invitations from the side that sent them: listed, sent again, withdrawn."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from integration import invitations, lifecycle
from integration.api.changes import actor, held_account, save, theirs
from integration.api.documented import LIMITED, POSTED
from integration.api.finding import acting_side
from integration.api.parts import GivenCaller, GivenParts, GivenPlace, Limit
from integration.api.sending import send_invitation
from integration.api.work import GivenWork, WorkRoute
from integration.correspondence import mail_prefix
from integration.invitations import Invitation, InvitationSeen, seen
from integration.links import OwnLink
from integration.store import invitations as store
from integration.store import links, mails
from shared.contracts.callers import Caller
from shared.errors import not_found
from shared.pages import cut, write
from shared.problems import EVERYWHERE, problems

ENDS = problems(invitation_ended=409, not_found=404)

router = APIRouter(prefix="/invitations", tags=["invitations"], responses=EVERYWHERE, route_class=WorkRoute)


class InvitationPage(BaseModel):
    """Invitations, newest first; without `next_cursor` it is the last page."""

    invitations: list[InvitationSeen]
    next_cursor: str | None


@router.get("", summary="List the invitations one has sent; operators list all")
async def list_own(
    caller: GivenCaller, parts: GivenParts, before: GivenPlace, limit: Limit = 50
) -> InvitationPage:
    caller.require("read")
    now = datetime.now(UTC)
    async with parts.database.transaction() as connection:
        found = await store.page(connection, caller, before, limit + 1)
    items, following = cut(found, limit, lambda each: write(each.created_at, each.id))
    return InvitationPage(invitations=[seen(each, now) for each in items], next_cursor=following)


@router.get("/{invitation_id}", summary="Read an invitation one has sent", responses=problems(not_found=404))
async def read(invitation_id: str, caller: GivenCaller, parts: GivenParts) -> InvitationSeen:
    caller.require("read")
    async with parts.database.transaction() as connection:
        return seen(_theirs(await store.find(connection, caller, invitation_id)), datetime.now(UTC))


@router.post(
    "/{invitation_id}/resend",
    summary="Send the mail again, under a new token for another 72 hours",
    responses={**POSTED, **ENDS, **LIMITED},
)
async def resend(
    invitation_id: str, caller: GivenCaller, parts: GivenParts, work: GivenWork, request: Request
) -> InvitationSeen:
    """The token of the mail before works no more."""
    acting_side(caller, "write")
    connection = await work.begin()
    inviter = await held_account(connection, caller)
    _, invitation = await _claimed(connection, caller, invitation_id)
    await parts.limits.count_mail(request, invitation.email, caller.account)
    again = invitations.resent(invitation, datetime.now(UTC))
    await mails.drop(connection, mail_prefix(invitation))
    await send_invitation(connection, parts, work, again, inviter, store.save)
    return seen(again, again.sent_at)


@router.post(
    "/{invitation_id}/withdraw",
    summary="Withdraw an invitation: its link is deleted",
    responses={**POSTED, **ENDS},
)
async def withdraw(
    invitation_id: str, caller: GivenCaller, parts: GivenParts, work: GivenWork
) -> InvitationSeen:
    side = acting_side(caller, "write")
    connection = await work.begin()
    account = await held_account(connection, caller)
    link, invitation = await _claimed(connection, caller, invitation_id)
    now = datetime.now(UTC)
    withdrawn = invitations.withdrawn(invitation, now)
    deleted = lifecycle.act(link, "delete", side, account.plan, now)
    await save(connection, parts, work, link, deleted, "delete", actor(caller))
    return seen(withdrawn, now)


async def _claimed(
    connection: AsyncConnection, caller: Caller, invitation_id: str
) -> tuple[OwnLink, Invitation]:
    """One's link and then its invitation, held. Accounts, links, invitations: in this order, everywhere."""
    found = _theirs(await store.find(connection, caller, invitation_id))
    link = theirs(await links.claim(connection, caller, found.link_id))
    return link, await store.claim(connection, invitation_id)


def _theirs(invitation: Invitation | None) -> Invitation:
    if invitation is None:
        raise not_found("invitation")
    return invitation

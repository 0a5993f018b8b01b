"""Invitations from the side that was invited: who has the token looks, accepts or declines (DESIGN 2.2)."""

from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from integration import invitations, lifecycle
from integration.accounts import WORDS, Account, Name
from integration.api.changes import READS, save, tagged
from integration.api.documented import LIMITED, POSTED
from integration.api.finding import acting_side
from integration.api.parts import GivenCaller, GivenParts, Parts
from integration.api.sessions import SessionTokens, open_session
from integration.api.work import GivenWork, Work, WorkRoute
from integration.history import Actor
from integration.invitations import Invitation
from integration.languages import Language
from integration.links import OwnLink
from integration.one_time_tokens import Token, hashed
from integration.people import Password, Person
from integration.registration import add_person, open_account
from integration.store import accounts, links, people
from integration.store import invitations as store
from integration.visibility import link_for
from shared.contracts.links import Side
from shared.errors import Problem, forbidden
from shared.problems import EVERYWHERE, OPEN, problems

log = structlog.get_logger()

INVITED = Actor(who="invited")
ENDS = {**POSTED, **LIMITED, **problems(invitation_ended=409)}

router = APIRouter(prefix="/invitations", tags=["invitations"], route_class=WorkRoute)


class InvitationToken(BaseModel):
    """The token of an invitation's mail: what stands behind the # of the address in it."""

    model_config = ConfigDict(extra="forbid")

    token: Token


class NewAccountByInvitation(InvitationToken):
    """The account that accepts: its name, and its first person, an administrator under the invited e-mail."""

    name: Name
    person_name: Name
    password: Password
    language: Language = "en"


class Offer(BaseModel):
    """What whoever has the token may know of an invitation before they answer it."""

    kind: Side
    email: str
    inviter_id: str
    inviter_name: str
    expires_at: datetime
    account_exists: bool


class Accepted(BaseModel):
    """The new account, the link it has now, and the session of its first person."""

    account: Account
    link: OwnLink
    session: SessionTokens


@router.post(
    "/look", summary="See who invites, and as what", responses={**OPEN, **ENDS}, response_model=Offer
)
async def look(body: InvitationToken, parts: GivenParts, work: GivenWork, request: Request) -> Offer:
    """`account_exists`: the e-mail has, or signs in to, an account of this kind: sign in, then attach it."""
    await parts.limits.count_token(request)
    async with work.look() as connection:
        found = await store.find_by_token(connection, hashed(body.token))
        if found is None or invitations.status(found, datetime.now(UTC)) != "open":
            raise invitations.ended()
        inviter = await accounts.find(connection, found.inviter_id)
        there = await accounts.find_by_email(connection, found.kind, found.email)
        person = await people.find_by_email(connection, found.kind, found.email)
    assert inviter is not None  # accounts stay
    return Offer(
        kind=found.kind,
        email=found.email,
        inviter_id=inviter.id,
        inviter_name=inviter.name,
        expires_at=found.expires_at,
        account_exists=there is not None or (person is not None and person[1] is not None),
    )


@router.post(
    "/accept",
    status_code=201,
    summary="Accept an invitation with a new account",
    responses={**OPEN, **ENDS, **problems(email_taken=409, invitation_ended=409)},
)
async def accept(
    body: NewAccountByInvitation,
    parts: GivenParts,
    work: GivenWork,
    request: Request,
    response: Response,
) -> Accepted:
    """Makes the account and its first person, and signs that person in. Activating is an act of its own."""
    await parts.limits.count_token(request)
    async with work.look() as connection:
        invitation = await store.find_by_token(connection, hashed(body.token))
    if invitation is None or invitations.status(invitation, datetime.now(UTC)) != "open":
        raise invitations.ended()
    password_hash = await parts.passwords.hash(body.password.get_secret_value())
    connection, now = await work.begin(), datetime.now(UTC)
    account, person = await _registered(connection, invitation, body, password_hash, now)
    link = await _join(connection, parts, work, invitation, account, body.token, now, by=person.id)
    session = await open_session(connection, parts, person, now)
    response.headers["Cache-Control"] = "no-store"
    said = {"account": account.id, "kind": account.kind, "invitation": invitation.id}
    work.then(lambda: log.info("account.created", **said))
    return Accepted(account=account, link=link_for(person.as_caller(), link), session=session)


@router.post(
    "/attach",
    summary="Accept an invitation with the account one is signed in to",
    responses={**EVERYWHERE, **READS, **ENDS, **problems(forbidden=403, wrong_kind=403)},
)
async def attach(
    body: InvitationToken,
    caller: GivenCaller,
    parts: GivenParts,
    work: GivenWork,
    request: Request,
    response: Response,
) -> OwnLink:
    """Where the pair has a live link already, the invitation ends on that one, which is answered."""
    side = acting_side(caller, "write")
    await parts.limits.count_token(request)
    connection, now = await work.begin(), datetime.now(UTC)
    invitation = await store.find_by_token(connection, hashed(body.token))
    account = await accounts.find(connection, caller.account)
    if invitation is None or account is None:
        raise invitations.ended()
    if side != invitation.kind:
        raise Problem(403, "wrong-kind", f"This invitation is for a {WORDS[invitation.kind]}'s account.")
    if caller.clients is not None and invitation.inviter_id not in caller.clients:
        raise forbidden("You may only link with the client shops that you are limited to.")
    link = await _join(connection, parts, work, invitation, account, body.token, now, by=caller.subject)
    return tagged(response, link, caller)


@router.post(
    "/decline",
    status_code=204,
    summary="Decline an invitation: its link is deleted",
    responses={**OPEN, **ENDS},
)
async def decline(body: InvitationToken, parts: GivenParts, work: GivenWork, request: Request) -> None:
    await parts.limits.count_token(request)
    connection, now = await work.begin(), datetime.now(UTC)
    found = await store.find_by_token(connection, hashed(body.token))
    link, invitation = await _claim(connection, found, body.token)
    await store.save(connection, invitations.declined(invitation, now))
    deleted = lifecycle.act(link, "delete", invitation.kind, "free", now)
    await save(connection, parts, work, link, deleted, "decline", INVITED)


async def _registered(
    connection: AsyncConnection,
    invitation: Invitation,
    body: NewAccountByInvitation,
    password_hash: str,
    now: datetime,
) -> tuple[Account, Person]:
    await people.displace(connection, invitation.kind, invitation.email, now)
    account = await open_account(
        connection, invitation.kind, invitation.email, body.name, now, language=body.language
    )
    person = await add_person(
        connection,
        account,
        invitation.email,
        body.person_name,
        frozenset({"administrator"}),
        None,
        password_hash,
        now,
    )
    return account, person


async def _join(
    connection: AsyncConnection,
    parts: Parts,
    work: Work,
    found: Invitation,
    account: Account,
    token: str,
    now: datetime,
    by: str,
) -> OwnLink:
    """The link that the invitation ends on: its own with the account on it, or the pair's live one.

    Both accounts are held first, so that neither starts a link with the other meanwhile.
    """
    await accounts.claim_pair(connection, [found.inviter_id, account.id])
    link, invitation = await _claim(connection, found, token)
    who = Actor(who=account.id, by=by)
    joined = lifecycle.accept(link, account, now)
    pair = await links.live_pair(connection, joined.shop_id or "", joined.threepl_id or "", but=link.id)
    await store.save(connection, invitations.accepted(invitation, (pair or joined).id, now))
    if pair is not None:
        deleted = lifecycle.act(link, "delete", invitation.kind, account.plan, now)
        await save(connection, parts, work, link, deleted, "delete", who)
        return pair
    await save(connection, parts, work, link, joined, "accept", who)
    return joined


async def _claim(
    connection: AsyncConnection, found: Invitation | None, token: str
) -> tuple[OwnLink, Invitation]:
    """The link and then its invitation, held, if the token still counts; raises `invitation-ended`."""
    link = None if found is None else await links.claim_any(connection, found.link_id)
    invitation = await store.claim_by_token(connection, hashed(token))
    if link is None or invitation is None or invitation.state != "open":
        raise invitations.ended()
    return link, invitation

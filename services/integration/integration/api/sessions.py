"""Sessions: people sign in with a password, stay so by refresh tokens that each work once, and sign out."""

import secrets
from datetime import UTC, datetime
from typing import Literal

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.accounts import Email
from integration.api.documented import LIMITED, POSTED
from integration.api.parts import GivenParts, Parts
from integration.api.work import GivenWork, WorkRoute
from integration.one_time_tokens import CHANCE, Token, hashed, written
from integration.people import LONGEST_PASSWORD, Person
from integration.sessions import ID_PREFIX, IDLE, LIFETIME, TOKEN_PREFIX, judge
from integration.store import people, sessions
from shared.contracts.identifiers import AccountKind
from shared.errors import Problem
from shared.http import problem
from shared.problems import OPEN, problems

log = structlog.get_logger()

router = APIRouter(prefix="/sessions", tags=["sessions"], route_class=WorkRoute, responses={**OPEN, **POSTED})


class SignIn(BaseModel):
    """Who signs in: an e-mail is unique among the people of one kind of account."""

    model_config = ConfigDict(extra="forbid")

    kind: AccountKind
    email: Email
    password: str = Field(min_length=1, max_length=LONGEST_PASSWORD, repr=False)


class RefreshTokenBody(BaseModel):
    """The refresh token that was given out last."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: Token = Field(repr=False)


class SessionTokens(BaseModel):
    """An access token, its lifetime in seconds, and the refresh token that gets the next two, once."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int
    refresh_token: str
    person: Person


@router.post(
    "",
    status_code=201,
    summary="Sign in",
    responses={**LIMITED, **problems(wrong_credentials=401)},
)
async def sign_in(
    body: SignIn, parts: GivenParts, work: GivenWork, request: Request, response: Response
) -> SessionTokens:
    await parts.limits.count_sign_in(request, body.kind, body.email)
    async with work.look() as connection:
        found = await people.find_by_email(connection, body.kind, body.email)
    person, stored = found or (None, None)
    if not await parts.passwords.matches(body.password, stored) or person is None or stored is None:
        raise _wrong(body.kind)
    connection = await work.begin()
    if not await people.hold_with_password(connection, person.id, stored):
        raise _wrong(body.kind)  # removed, or another password was chosen meanwhile
    response.headers["Cache-Control"] = "no-store"
    work.then(lambda: log.info("session.opened", account=person.account_id, person=person.id))
    return await open_session(connection, parts, person, datetime.now(UTC))


@router.post(
    "/refresh",
    summary="Get a new access token and a new refresh token",
    response_model=SessionTokens,
    responses=problems(session_ended=401),
)
async def refresh(
    body: RefreshTokenBody, parts: GivenParts, work: GivenWork, response: Response
) -> SessionTokens | Response:
    """A refresh token that is used again was stolen, here or there: it ends the whole session."""
    connection, now = await work.begin(), datetime.now(UTC)
    token = await sessions.claim(connection, hashed(body.refresh_token))
    verdict = "over" if token is None else judge(token, now)
    person = await people.find(connection, token.person_id) if token else None
    if token is None or person is None or verdict == "over":
        raise Problem(401, "session-ended", _ENDED)
    if verdict == "reused":
        # Answered and not raised, so that the end is committed.
        await sessions.end(connection, token.session_id, "token-reused", now)
        log.warning("session.token-reused", session=token.session_id, person=person.id)
        return problem(401, "session-ended", _ENDED)
    await sessions.use(connection, token.token_hash, now)
    response.headers["Cache-Control"] = "no-store"
    return await _tokens(connection, parts, person, token.session_id, now)


@router.post("/end", status_code=204, summary="Sign out")
async def end(body: RefreshTokenBody, work: GivenWork) -> None:
    """The session's refresh tokens work no more; its access token does until it expires."""
    connection, now = await work.begin(), datetime.now(UTC)
    token = await sessions.claim(connection, hashed(body.refresh_token))
    if token is not None:
        await sessions.end(connection, token.session_id, "signed-out", now)
        work.then(lambda: log.info("session.ended", session=token.session_id))


async def open_session(
    connection: AsyncConnection, parts: Parts, person: Person, now: datetime
) -> SessionTokens:
    """A new session of this person, with its first tokens."""
    session_id = ID_PREFIX + secrets.token_hex(8)
    await sessions.add(connection, session_id, person.id, now, now + LIFETIME)
    return await _tokens(connection, parts, person, session_id, now)


async def _tokens(
    connection: AsyncConnection, parts: Parts, person: Person, session_id: str, now: datetime
) -> SessionTokens:
    refresh_token = written(TOKEN_PREFIX, secrets.token_bytes(CHANCE))
    await sessions.add_token(connection, session_id, hashed(refresh_token), now + IDLE)
    return SessionTokens(
        access_token=await parts.tokens.issue(person.as_caller()),
        expires_in=int(parts.tokens.lifetime.total_seconds()),
        refresh_token=refresh_token,
        person=person,
    )


def _wrong(kind: AccountKind) -> Problem:
    log.info("session.refused", kind=kind)
    return Problem(401, "wrong-credentials", "There is nobody with this e-mail and this password.")


_ENDED = "This session has ended, or its refresh token was used before; sign in again."

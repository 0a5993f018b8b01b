"""Passwords: asked for anew by mail, and chosen with the token of that mail."""

from datetime import UTC, datetime, timedelta

import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from integration.accounts import Email
from integration.api.documented import LIMITED, POSTED
from integration.api.parts import GivenParts
from integration.api.work import GivenWork, WorkRoute
from integration.choosing import offer_password
from integration.correspondence import Correspondence
from integration.one_time_tokens import Token, hashed
from integration.people import Password
from integration.store import accounts, password_tokens, people, sessions
from shared.contracts.identifiers import AccountKind
from shared.errors import Problem
from shared.problems import OPEN, problems

log = structlog.get_logger()

RESET_LIFETIME = timedelta(hours=1)

router = APIRouter(tags=["sessions"], route_class=WorkRoute, responses={**OPEN, **POSTED, **LIMITED})


class ResetRequest(BaseModel):
    """Whose password is to be chosen anew."""

    model_config = ConfigDict(extra="forbid")

    kind: AccountKind
    email: Email


class NewPassword(BaseModel):
    """The token of the mail, and the password it is to choose."""

    model_config = ConfigDict(extra="forbid")

    token: Token = Field(repr=False)
    password: Password


@router.post("/password-resets", status_code=204, summary="Ask for a mail to choose a new password with")
async def ask(body: ResetRequest, parts: GivenParts, work: GivenWork, request: Request) -> None:
    """Answers the same whether or not there is such a person."""
    await parts.limits.count_mail(request, f"{body.kind} {body.email}")
    connection = await work.begin()
    found = await people.find_by_email(connection, body.kind, body.email)
    if found is None:
        return
    person, _ = found
    account = await accounts.find(connection, person.account_id)
    assert account is not None  # accounts stay
    letters = Correspondence(parts.ring, parts.console_url)
    await offer_password(connection, letters, "password-reset", person, account, RESET_LIFETIME)
    work.then(parts.post)
    work.then(lambda: log.info("password.reset-asked", person=person.id))


@router.post(
    "/passwords",
    status_code=204,
    summary="Choose a password with the token of a mail",
    responses=problems(password_token_ended=409),
)
async def choose(body: NewPassword, parts: GivenParts, work: GivenWork, request: Request) -> None:
    """Ends all sessions of the person, and every other such token of theirs."""
    await parts.limits.count_token(request)
    connection, now = await work.begin(), datetime.now(UTC)
    person_id = await password_tokens.take(connection, hashed(body.token), now)
    if person_id is not None:
        password_hash = await parts.passwords.hash(body.password.get_secret_value())
        if await people.set_password(connection, person_id, password_hash):
            await sessions.end_all(connection, person_id, "password-changed", now)
            work.then(lambda: log.info("password.chosen", person=person_id))
            return
    raise Problem(
        409, "password-token-ended", "This link was used already, or its time is over; ask for a new mail."
    )

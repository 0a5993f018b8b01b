"""People of an account: added, changed and removed by its administrators or an operator."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from integration.accounts import Email, Name
from integration.api.accounts import require_administrator, require_own
from integration.api.documented import LIMITED, POSTED
from integration.api.parts import GivenCaller, GivenParts, GivenPlace, Limit
from integration.api.work import GivenWork, WorkRoute
from integration.choosing import offer_password
from integration.correspondence import Correspondence
from integration.people import Clients, Person, Roles, require_clients_of_threepl
from integration.registration import add_person
from integration.store import accounts, people, sessions
from shared.errors import not_found
from shared.pages import cut, write
from shared.problems import EVERYWHERE, problems

log = structlog.get_logger()

WELCOME_LIFETIME = timedelta(hours=72)

router = APIRouter(
    prefix="/accounts/{account_id}/people",
    tags=["people"],
    responses={**EVERYWHERE, **problems(not_found=404)},
    route_class=WorkRoute,
)


class PersonChange(BaseModel):
    """What an account says of one of its people; `clients` limits a 3PL's person to these shops."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    roles: Roles
    clients: Annotated[
        Clients | None, Field(description="None: all shops. Who is limited does not administer the account.")
    ] = None


class NewPerson(PersonChange):
    """A new person, whose e-mail is unique among the people of accounts of this kind."""

    email: Email


class PeoplePage(BaseModel):
    """People, newest first; without `next_cursor` it is the last page."""

    people: list[Person]
    next_cursor: str | None


@router.post(
    "",
    status_code=201,
    summary="Add a person; a mail lets them choose a password",
    responses={**POSTED, **LIMITED, **problems(email_taken=409)},
)
async def add(
    account_id: str,
    new: NewPerson,
    caller: GivenCaller,
    parts: GivenParts,
    work: GivenWork,
    request: Request,
    response: Response,
) -> Person:
    require_administrator(caller, account_id, "write")
    await parts.limits.count_mail(request, new.email, account_id)
    connection = await work.begin()
    account = await accounts.find(connection, account_id)
    if account is None:
        raise not_found("account")
    require_clients_of_threepl(account.kind, new.clients)
    now = datetime.now(UTC)
    person = await add_person(connection, account, new.email, new.name, new.roles, new.clients, None, now)
    letters = Correspondence(parts.ring, parts.console_url)
    await offer_password(connection, letters, "welcome", person, account, WELCOME_LIFETIME)
    work.then(parts.post)
    work.then(lambda: log.info("person.added", account=account_id, person=person.id, by=caller.subject))
    response.headers["Location"] = f"/accounts/{account_id}/people/{person.id}"
    return person


@router.get("", summary="List an account's people")
async def list_all(
    account_id: str, caller: GivenCaller, parts: GivenParts, before: GivenPlace, limit: Limit = 50
) -> PeoplePage:
    require_administrator(caller, account_id, "read")
    async with parts.database.transaction() as connection:
        if await accounts.find(connection, account_id) is None:
            raise not_found("account")
        found = await people.page(connection, account_id, before, limit + 1)
    items, following = cut(found, limit, lambda person: write(person.created_at, person.id))
    return PeoplePage(people=items, next_cursor=following)


@router.get("/{person_id}", summary="Read a person: oneself, or as an administrator")
async def read(account_id: str, person_id: str, caller: GivenCaller, parts: GivenParts) -> Person:
    if caller.subject == person_id:
        require_own(caller, account_id)
        caller.require("read")
    else:
        require_administrator(caller, account_id, "read")
    async with parts.database.transaction() as connection:
        person = await people.find(connection, person_id)
    if person is None or person.account_id != account_id:
        raise not_found("person")
    return person


@router.put("/{person_id}", summary="Change a person's name, roles or client shops")
async def change(
    account_id: str, person_id: str, new: PersonChange, caller: GivenCaller, work: GivenWork
) -> Person:
    """The next access token claims them."""
    require_administrator(caller, account_id, "write")
    connection = await work.begin()
    person = await people.claim(connection, account_id, person_id)
    if person is None:
        raise not_found("person")
    require_clients_of_threepl(person.kind, new.clients)
    changed = person.model_copy(update=dict(new))
    await people.save(connection, changed)
    work.then(lambda: log.info("person.changed", account=account_id, person=person_id, by=caller.subject))
    return changed


@router.delete("/{person_id}", status_code=204, summary="Remove a person: their sessions end")
async def remove(account_id: str, person_id: str, caller: GivenCaller, work: GivenWork) -> None:
    require_administrator(caller, account_id, "write")
    connection, now = await work.begin(), datetime.now(UTC)
    if await people.claim(connection, account_id, person_id) is None:
        raise not_found("person")
    await people.remove(connection, person_id, now)
    await sessions.end_all(connection, person_id, "person-removed", now)
    work.then(lambda: log.info("person.removed", account=account_id, person=person_id, by=caller.subject))

"""Accounts: operators make and list them and set their plans, each reads its own."""

from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from integration import lifecycle
from integration.accounts import Account, Email, Name, Plan, allows_links
from integration.api.changes import actor, record
from integration.api.documented import LIMITED, POSTED
from integration.api.finding import Wanted, acting_side, find_other
from integration.api.parts import GivenCaller, GivenParts, GivenPlace, Limit
from integration.api.work import GivenWork, WorkRoute
from integration.languages import Language
from integration.registration import open_account
from integration.store import accounts, links
from shared.contracts.callers import Caller, Scope
from shared.contracts.identifiers import AccountKind
from shared.contracts.links import Side
from shared.errors import Problem, forbidden, not_found
from shared.pages import cut, write
from shared.problems import EVERYWHERE, problems

log = structlog.get_logger()

router = APIRouter(tags=["accounts"], responses=EVERYWHERE, route_class=WorkRoute)


class NewAccount(BaseModel):
    """What an operator says of a new account; its e-mail is unique among those of its kind."""

    model_config = ConfigDict(extra="forbid")

    kind: AccountKind
    email: Email
    name: Name
    plan: Plan = "free"
    language: Language = "en"


class NewPlan(BaseModel):
    """The plan an account is to have."""

    model_config = ConfigDict(extra="forbid")

    plan: Plan


class AccountPage(BaseModel):
    """Accounts, newest first; without `next_cursor` it is the last page."""

    accounts: list[Account]
    next_cursor: str | None


class FoundAccount(BaseModel):
    """What everybody may know of an account whose id or e-mail they know."""

    id: str
    kind: Side
    name: str


@router.post(
    "/accounts",
    status_code=201,
    summary="Make an account (operators)",
    responses={**POSTED, **problems(email_taken=409)},
)
async def create(new: NewAccount, caller: GivenCaller, work: GivenWork, response: Response) -> Account:
    require_operator(caller)
    account = await open_account(
        await work.begin(),
        new.kind,
        new.email,
        new.name,
        datetime.now(UTC),
        plan=new.plan,
        language=new.language,
    )
    said = {"account": account.id, "kind": account.kind, "plan": account.plan, "by": caller.subject}
    work.then(lambda: log.info("account.created", **said))
    response.headers["Location"] = f"/accounts/{account.id}"
    return account


@router.get("/accounts", summary="List accounts (operators)")
async def list_all(
    caller: GivenCaller, parts: GivenParts, before: GivenPlace, limit: Limit = 50
) -> AccountPage:
    caller.require("read")
    if caller.kind != "operator":
        raise forbidden("Only operators may do this.")
    async with parts.database.transaction() as connection:
        found = await accounts.page(connection, before, limit + 1)
    items, following = cut(found, limit, lambda account: write(account.created_at, account.id))
    return AccountPage(accounts=items, next_cursor=following)


@router.get(
    "/accounts/{account_id}",
    summary="Read an account: one's own, or as an operator",
    responses=problems(not_found=404),
)
async def read(account_id: str, caller: GivenCaller, parts: GivenParts) -> Account:
    require_own(caller, account_id)
    caller.require("read")
    async with parts.database.transaction() as connection:
        account = await accounts.find(connection, account_id)
    if account is None:
        raise not_found("account")
    return account


@router.put(
    "/accounts/{account_id}/plan",
    summary="Set an account's plan (operators)",
    responses=problems(not_found=404),
)
async def set_plan(
    account_id: str, new: NewPlan, caller: GivenCaller, parts: GivenParts, work: GivenWork
) -> Account:
    """A plan that no longer allows links turns all of the account's switches off; none turns one on."""
    require_operator(caller)
    connection = await work.begin()
    account = await accounts.claim(connection, account_id)
    if account is None:
        raise not_found("account")
    await accounts.set_plan(connection, account_id, new.plan)
    lapsed = 0
    if account.kind != "operator" and not allows_links(account.kind, new.plan):
        now = datetime.now(UTC)
        async for before in links.claim_switched_on(connection, account.kind, account_id):
            after = [lifecycle.lapse(link, account.kind, now) for link in before]
            await links.save_switches(connection, after)
            pairs = list(zip(before, after, strict=True))
            await record(connection, parts.links_topic, pairs, "lapse", actor(caller))
            lapsed += len(after)
    work.then(parts.announce)
    said = {"account": account_id, "from_": account.plan, "to": new.plan, "lapsed": lapsed}
    work.then(lambda: log.info("account.plan-set", **said, by=caller.subject))
    return account.model_copy(update={"plan": new.plan})


@router.get(
    "/directory",
    summary="Find the other side by its exact e-mail or account id",
    responses={**problems(account_not_found=404), **LIMITED},
)
async def find(
    caller: GivenCaller, parts: GivenParts, request: Request, account_id: str = "", email: str = ""
) -> FoundAccount:
    """A shop finds 3PLs, a 3PL shops; who is not found can be invited by starting a link."""
    side = acting_side(caller, "read")
    wanted = Wanted.of(account_id, email)
    await parts.limits.count_find(request, caller.account)
    async with parts.database.transaction() as connection:
        found = await find_other(connection, side, wanted)
    if found is None:
        raise Problem(404, "account-not-found", "Nobody on the other side has this account id or e-mail.")
    return FoundAccount.model_validate(found, from_attributes=True)


def require_own(caller: Caller, account_id: str) -> None:
    """Raises the 404 problem unless it is the caller's own account, or the caller an operator."""
    if caller.kind != "operator" and caller.account != account_id:
        raise not_found("account")


def require_administrator(caller: Caller, account_id: str, scope: Scope) -> None:
    """Raises the 404 problem as `require_own`, and the 403 problem unless an administrator of all calls.

    Somebody limited to some client shops could else make a key or a colleague without that limit.
    """
    require_own(caller, account_id)
    caller.require(scope, "administrator")
    if caller.clients is not None:
        raise forbidden("Who is limited to some client shops does not administer the account.")


def require_operator(caller: Caller) -> None:
    """Raises the 403 problem unless an operator calls, who may write as an administrator."""
    if caller.kind != "operator":
        raise forbidden("Only operators may do this.")
    caller.require("write", "administrator")

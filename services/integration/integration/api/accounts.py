"""Accounts: operators make and list them, each reads its own."""

from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from integration.accounts import Account, Email, Name, Plan
from integration.api.parts import EVERYWHERE, GivenCaller, GivenParts, GivenPlace, Limit, problems
from integration.registration import open_account
from integration.store import accounts
from shared.auth import Caller
from shared.contracts.identifiers import AccountKind
from shared.errors import forbidden, not_found
from shared.pages import cut, write

log = structlog.get_logger()

router = APIRouter(prefix="/accounts", tags=["accounts"], responses=EVERYWHERE)


class NewAccount(BaseModel):
    """What an operator says of a new account; its e-mail is unique among those of its kind."""

    model_config = ConfigDict(extra="forbid")

    kind: AccountKind
    email: Email
    name: Name
    plan: Plan = "free"


class AccountPage(BaseModel):
    """Accounts, newest first; without `next_cursor` it is the last page."""

    accounts: list[Account]
    next_cursor: str | None


@router.post("", status_code=201, summary="Make an account (operators)", responses=problems(email_taken=409))
async def create(new: NewAccount, caller: GivenCaller, parts: GivenParts, response: Response) -> Account:
    caller.require("write")
    _require_operator(caller)
    async with parts.database.transaction() as connection:
        account = await open_account(connection, new.kind, new.email, new.name, new.plan, datetime.now(UTC))
    log.info("account.created", account=account.id, kind=account.kind, plan=account.plan, by=caller.account)
    response.headers["Location"] = f"/accounts/{account.id}"
    return account


@router.get("", summary="List accounts (operators)")
async def list_all(
    caller: GivenCaller, parts: GivenParts, before: GivenPlace, limit: Limit = 50
) -> AccountPage:
    caller.require("read")
    _require_operator(caller)
    async with parts.database.transaction() as connection:
        found = await accounts.page(connection, before, limit + 1)
    items, following = cut(found, limit, lambda account: write(account.created_at, account.id))
    return AccountPage(accounts=items, next_cursor=following)


@router.get(
    "/{account_id}",
    summary="Read an account: one's own, or as an operator",
    responses=problems(not_found=404),
)
async def read(account_id: str, caller: GivenCaller, parts: GivenParts) -> Account:
    caller.require("read")
    require_own(caller, account_id)
    async with parts.database.transaction() as connection:
        account = await accounts.find(connection, account_id)
    if account is None:
        raise not_found("account")
    return account


def require_own(caller: Caller, account_id: str) -> None:
    """Raises the 404 problem unless it is the caller's own account, or the caller an operator."""
    if caller.kind != "operator" and caller.account != account_id:
        raise not_found("account")


def _require_operator(caller: Caller) -> None:
    if caller.kind != "operator":
        raise forbidden("Only operators may do this.")

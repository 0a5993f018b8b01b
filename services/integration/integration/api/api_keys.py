"""API keys of an account: made and revoked by its administrators or an operator."""

from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from integration.accounts import Name
from integration.api.accounts import require_administrator
from integration.api.documented import POSTED
from integration.api.parts import GivenCaller, GivenParts, GivenPlace, Limit
from integration.api.work import GivenWork, WorkRoute
from integration.api_keys import ApiKey, IssuedApiKey
from integration.registration import issue_key
from integration.store import accounts, api_keys
from shared.contracts.callers import Scope
from shared.errors import not_found
from shared.pages import cut, write
from shared.problems import EVERYWHERE, problems

log = structlog.get_logger()

router = APIRouter(
    prefix="/accounts/{account_id}/api-keys",
    tags=["API keys"],
    responses={**EVERYWHERE, **problems(not_found=404)},
    route_class=WorkRoute,
)


class NewApiKey(BaseModel):
    """What a new key is called and may do."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=2)]


class ApiKeyPage(BaseModel):
    """Keys, newest first; without `next_cursor` it is the last page."""

    api_keys: list[ApiKey]
    next_cursor: str | None


@router.post("", status_code=201, summary="Make a key; its secret is shown only now", responses=POSTED)
async def create(account_id: str, new: NewApiKey, caller: GivenCaller, work: GivenWork) -> IssuedApiKey:
    require_administrator(caller, account_id, "write")
    connection = await work.begin()
    if await accounts.find(connection, account_id) is None:
        raise not_found("account")
    key = await issue_key(connection, account_id, new.name, new.scopes, datetime.now(UTC))
    said = {"account": account_id, "key": key.id, "scopes": key.scopes, "by": caller.subject}
    work.then(lambda: log.info("api-key.created", **said))
    return key


@router.get("", summary="List an account's keys, revoked ones too, without their secrets")
async def list_all(
    account_id: str, caller: GivenCaller, parts: GivenParts, before: GivenPlace, limit: Limit = 50
) -> ApiKeyPage:
    require_administrator(caller, account_id, "read")
    async with parts.database.transaction() as connection:
        if await accounts.find(connection, account_id) is None:
            raise not_found("account")
        found = await api_keys.page(connection, account_id, before, limit + 1)
    items, following = cut(found, limit, lambda key: write(key.created_at, key.id))
    return ApiKeyPage(api_keys=items, next_cursor=following)


@router.delete("/{key_id}", status_code=204, summary="Revoke a key: it gets no new token from now on")
async def revoke(account_id: str, key_id: str, caller: GivenCaller, work: GivenWork) -> None:
    require_administrator(caller, account_id, "write")
    if not await api_keys.revoke(await work.begin(), account_id, key_id, datetime.now(UTC)):
        raise not_found("API key of this account")
    work.then(lambda: log.info("api-key.revoked", account=account_id, key=key_id, by=caller.subject))

"""The token endpoint and the published signing keys (RFC 6749, RFC 7517).

Refusals here have OAuth's own form, not problem+json: clients' libraries read that.
"""

from typing import Any, Literal

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from integration import oauth
from integration.api.documented import POSTED
from integration.api.parts import GivenParts, Parts
from integration.api.work import GivenWork, Work, WorkRoute
from integration.api_keys import ID_PREFIX, ApiKey, matches
from integration.oauth import OAuthError, TokenRequest
from integration.store import accounts, api_keys
from shared.contracts.callers import Caller
from shared.problems import problems

log = structlog.get_logger()

router = APIRouter(
    tags=["tokens"], responses=problems(internal_error=500, unavailable=503), route_class=WorkRoute
)

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class AccessToken(BaseModel):
    """An access token (RFC 6749, 5.1); `expires_in` is in seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int
    scope: str


class Refusal(BaseModel):
    """Why there is no token (RFC 6749, 5.2)."""

    error: str
    error_description: str


class KeySet(BaseModel):
    """A JWK Set (RFC 7517, 5)."""

    keys: list[dict[str, Any]]


_TEXT = {"type": "string"}
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            oauth.FORM: {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials"]},
                        "client_id": {**_TEXT, "description": "The key's id, unless HTTP Basic carries it."},
                        "client_secret": {**_TEXT, "description": "The key's secret, likewise."},
                        "scope": {**_TEXT, "description": "Some of the key's scopes; none named: all."},
                    },
                }
            }
        },
    }
}


@router.post(
    "/oauth/token",
    summary="Get an access token for an API key",
    response_model=AccessToken,
    responses={400: {"model": Refusal}, 401: {"model": Refusal}, **POSTED, **problems(body_too_large=413)},
    openapi_extra=_FORM,
)
async def token(request: Request, parts: GivenParts, work: GivenWork) -> Response:
    """OAuth 2 client credentials: `client_id` is an API key's id, `client_secret` its secret."""
    try:
        given = request.headers
        asked = oauth.read(given.get("authorization"), given.get("content-type", ""), await request.body())
        answer = await _issue(parts, work, asked)
    except OAuthError as refusal:
        log.info("token.refused", error=refusal.code)
        headers = {**_NO_STORE, **({"WWW-Authenticate": "Basic"} if refusal.status == 401 else {})}
        said = Refusal(error=refusal.code, error_description=refusal.description)
        return JSONResponse(said.model_dump(), refusal.status, headers=headers)
    return JSONResponse(answer.model_dump(), headers=_NO_STORE)


@router.get("/.well-known/jwks.json", summary="The public keys that access tokens are signed with")
async def jwks(parts: GivenParts) -> KeySet:
    """A key is here 15 minutes before it signs, so read them every 5 minutes."""
    return KeySet(keys=await parts.tokens.published())


async def _issue(parts: Parts, work: Work, asked: TokenRequest) -> AccessToken:
    async with work.look() as connection:
        found = await api_keys.find(connection, asked.client_id) if _is_key_id(asked.client_id) else None
        key = _authenticated(found, asked.client_secret)
        account = await accounts.find(connection, key.account_id)
    if account is None:
        raise oauth.invalid_client()
    scopes = oauth.granted(asked.scopes, key.scopes)
    caller = Caller(
        account=account.id, kind=account.kind, subject=key.id, roles=frozenset(key.roles), scopes=scopes
    )
    signed = await parts.tokens.issue(caller)
    log.info("token.issued", account=account.id, key=key.id)
    lifetime = int(parts.tokens.lifetime.total_seconds())
    return AccessToken(access_token=signed, expires_in=lifetime, scope=" ".join(sorted(scopes)))


def _authenticated(found: tuple[ApiKey, bytes] | None, secret: str) -> ApiKey:
    key, stored = found or (None, None)
    if not matches(secret, stored) or key is None:
        raise oauth.invalid_client()
    return key


def _is_key_id(client_id: str) -> bool:
    return client_id.startswith(ID_PREFIX) and client_id.isascii() and client_id.isprintable()

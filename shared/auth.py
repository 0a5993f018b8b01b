"""Access tokens: what they claim, how they are checked, and the published keys that a service trusts.

Source: RFC 7519 (JWT), RFC 8037 (EdDSA), RFC 7517 (JWK), RFC 6750 (bearer tokens).
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
import jwt
import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jwt import PyJWK
from pydantic import ValidationError
from sqlalchemy import text

from shared.contracts.callers import Caller
from shared.database import Database
from shared.errors import Problem
from shared.loops import Loop
from shared.telemetry import Metrics

log = structlog.get_logger()

ISSUER = "orderdock"
AUDIENCE = "orderdock"
ALGORITHM = "EdDSA"
TRUST = timedelta(hours=1)
REFRESH = 300.0
UNKNOWN_KEY_WAIT = 10.0
MOST_KNOWN = 10_000  # checked tokens that are remembered

FindKey = Callable[[str], Awaitable[PyJWK | None]]


def sign(caller: Caller, key: Any, kid: str, now: datetime, lifetime: timedelta) -> str:
    """An access token that claims `caller`, signed with an Ed25519 private key."""
    claims = {
        **caller.model_dump(mode="json", exclude_none=True, exclude={"subject"}),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": caller.subject,
        "iat": now,
        "exp": now + lifetime,
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": kid})


async def verify(token: str, find_key: FindKey) -> Caller:
    """The caller a token claims; raises the 401 problem if it is not to be trusted."""
    return (await _verified(token, find_key)).caller


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a token claims, with the key that its signature was checked with and when it expires."""

    caller: Caller
    kid: str
    key: PyJWK
    expires_at: float


class Callers:
    """Who the bearers of tokens are. A token is checked once and then known by its hash until it expires.

    Its key is looked up each time: once that is no longer to be trusted, the token isn't either.
    """

    def __init__(self, find_key: FindKey) -> None:
        self._find_key = find_key
        self._known: dict[bytes, _Verified] = {}

    async def of(self, given: HTTPAuthorizationCredentials | None) -> Caller:
        """The caller the token claims; raises the 401 problem without one that is to be trusted."""
        if given is None:
            raise _unauthorized("This needs the header `Authorization: Bearer <access token>`.")
        token_hash = hashlib.sha256(given.credentials.encode()).digest()
        known = self._known.get(token_hash)
        if known is None or not await self._still_holds(known):
            known = await _verified(given.credentials, self._find_key)
            self._remember(token_hash, known)
        return known.caller

    async def _still_holds(self, known: _Verified) -> bool:
        return time.time() < known.expires_at and await self._find_key(known.kid) is known.key

    def _remember(self, token_hash: bytes, verified: _Verified) -> None:
        self._known.pop(token_hash, None)
        if len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]  # the one that was checked first
        self._known[token_hash] = verified


def caller_of(
    callers: Callable[[Request], Callers], tokens_from: str = "POST /oauth/token"
) -> Callable[..., Awaitable[Caller]]:
    """What a route depends on to know who calls; without a valid bearer token it answers 401.

    `callers` finds what the app of a request knows them by; `tokens_from` is for the API's document.
    """
    bearer = HTTPBearer(auto_error=False, description=f"An access token from {tokens_from}.")

    async def caller(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
    ) -> Caller:
        return await callers(request).of(given)

    return caller


def caller_dependency(find_key: FindKey) -> Callable[..., Awaitable[Caller]]:
    """The same for routes that are made once the keys are there."""
    callers = Callers(find_key)
    return caller_of(lambda _: callers)


async def _verified(token: str, find_key: FindKey) -> _Verified:
    try:
        kid = str(jwt.get_unverified_header(token).get("kid", ""))
        key = await find_key(kid)
        if key is None:
            raise _unauthorized("The token is signed with a key this service doesn't know.")
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # When it was issued is not judged: the clock of the machine that issued it may be ahead of ours.
            options={"require": ["exp", "iat", "sub"], "verify_iat": False},
        )
        caller = Caller.model_validate({**claims, "subject": claims["sub"]})
        return _Verified(caller, kid, key, float(claims["exp"]))
    except jwt.ExpiredSignatureError as error:
        raise _unauthorized("The token has expired; get a new one from POST /oauth/token.") from error
    except (jwt.InvalidTokenError, ValidationError) as error:
        raise _unauthorized("The token is not valid; get one from POST /oauth/token.") from error


class TrustedKeys:
    """Integration's published keys: fetched, stored, and trusted for an hour (DESIGN 7)."""

    def __init__(self, database: Database, integration_url: str, metrics: Metrics) -> None:
        self.loop = Loop("trusted-keys", self._refresh_step, metrics, idle=REFRESH)
        self._database = database
        self._client = httpx.AsyncClient(base_url=integration_url, timeout=5, trust_env=False)
        self._keys: dict[str, tuple[PyJWK, datetime]] = {}
        self._last_fetch = -UNKNOWN_KEY_WAIT
        self._loading = asyncio.Lock()

    async def find(self, kid: str) -> PyJWK | None:
        """The key of this id, if it is still trusted; an unknown id is asked for, at most every 10 s.

        A load at hand is waited for: its answer may hold the key.
        """
        key = self._trusted(kid)
        if key is None:
            async with self._loading:
                if time.monotonic() - self._last_fetch >= UNKNOWN_KEY_WAIT:
                    await self._load()
            key = self._trusted(kid)
        return key

    async def close(self) -> None:
        await self._client.aclose()

    def _trusted(self, kid: str) -> PyJWK | None:
        key, fetched_at = self._keys.get(kid, (None, datetime.min.replace(tzinfo=UTC)))
        return key if datetime.now(UTC) - fetched_at < TRUST else None

    async def _refresh_step(self) -> bool:
        """Raises what kept integration from answering, so that it is asked again soon."""
        async with self._loading:
            error = await self._load()
        if error is not None:
            raise error
        return False

    async def _load(self) -> Exception | None:
        """Fetches and stores the published keys; while integration is down, those stored serve.

        Answers what kept them from being fetched.
        """
        self._last_fetch = time.monotonic()
        failure: Exception | None = None
        try:
            response = await self._client.get("/.well-known/jwks.json")
            response.raise_for_status()
            await self._store(response.json()["keys"])
        except (httpx.HTTPError, jwt.PyJWTError, ValueError, KeyError, TypeError) as error:
            log.warning("trusted-keys.not-fetched", error=f"{type(error).__name__}: {error}")
            failure = error
        async with self._database.transaction() as connection:
            rows = await connection.execute(text("SELECT kid, jwk, fetched_at FROM trusted_keys"))
            self._keys = {row.kid: (PyJWK(row.jwk), row.fetched_at) for row in rows}
        return failure

    async def _store(self, keys: list[dict[str, Any]]) -> None:
        async with self._database.transaction() as connection:
            for key in keys:
                PyJWK(key)  # what is no key is not stored
                await connection.execute(_STORE, {"kid": key["kid"], "jwk": json.dumps(key)})


_STORE = text(
    """
    INSERT INTO trusted_keys (kid, jwk, fetched_at) VALUES (:kid, CAST(:jwk AS jsonb), now())
    ON CONFLICT (kid) DO UPDATE SET jwk = excluded.jwk, fetched_at = excluded.fetched_at
    """
)


def _unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", detail)

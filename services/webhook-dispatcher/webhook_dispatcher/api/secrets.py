"""How an endpoint's webhooks are signed: what verifies them, rotation, and the choice of schemes."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.contracts.callers import Caller
from shared.problems import EVERYWHERE, problems
from webhook_dispatcher import signing
from webhook_dispatcher.api.endpoints import FOUND, require_owner, theirs
from webhook_dispatcher.api.parts import GivenCaller, GivenParts, Parts
from webhook_dispatcher.keychains import LONGEST_OVERLAP, OVERLAP, Fresh, Keychain
from webhook_dispatcher.signing import Scheme
from webhook_dispatcher.store import keychains

log = structlog.get_logger()

router = APIRouter(prefix="/endpoints/{endpoint_id}", tags=["signing"], responses=EVERYWHERE)

ROTATES = problems(not_found=404, scheme_not_chosen=409, too_many_secrets=409)
OverlapSeconds = Annotated[
    int,
    Field(
        ge=0,
        le=LONGEST_OVERLAP.total_seconds(),
        description="So long webhooks are signed with what is replaced too, at most 7 days.",
    ),
]
DAY = int(OVERLAP.total_seconds())


class Rotation(BaseModel):
    """What is to be replaced: the secret of one scheme, or of each that the endpoint signs by."""

    model_config = ConfigDict(extra="forbid")

    scheme: Scheme | None = None
    overlap_seconds: OverlapSeconds = DAY


class Choice(BaseModel):
    """What webhooks are to be signed by: `v1` (HMAC-SHA256, a shared secret), `v1a` (ed25519), or both."""

    model_config = ConfigDict(extra="forbid")

    schemes: set[Scheme] = Field(min_length=1)
    overlap_seconds: OverlapSeconds = DAY


class OldPublicKey(BaseModel):
    """A public key that verifies webhooks until its time is over."""

    public_key: str
    valid_until: AwareDatetime


class OldSecret(BaseModel):
    """A secret that verifies webhooks until its time is over."""

    secret: str
    valid_until: AwareDatetime


class Signing(BaseModel):
    """What an endpoint's webhooks are signed by, and the public keys that verify `v1a`."""

    schemes: list[Scheme]
    public_key: str | None = Field(examples=["whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g="])
    old_public_keys: list[OldPublicKey]


class Secrets(Signing):
    """Everything that verifies an endpoint's webhooks, as the Standard Webhooks libraries take it.

    `secret` is for `v1`. The private keys of `v1a` are told nobody.
    """

    secret: str | None = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    old_secrets: list[OldSecret]


@router.get("/signing", summary="Read what signs an endpoint's webhooks", responses=FOUND)
async def read_signing(endpoint_id: str, caller: GivenCaller, parts: GivenParts) -> Signing:
    async with parts.database.transaction() as connection:
        await theirs(connection, caller, endpoint_id)
        stored = await keychains.read(connection, endpoint_id)
    return _signing(_opened(parts, stored).at(datetime.now(UTC)))


@router.put(
    "/signing", summary="Choose what signs an endpoint's webhooks (3PL's administrators)", responses=FOUND
)
async def choose_signing(endpoint_id: str, choice: Choice, caller: GivenCaller, parts: GivenParts) -> Signing:
    """A scheme that is left out goes on for the overlap; chosen again meanwhile, it keeps its secret."""
    overlap = timedelta(seconds=choice.overlap_seconds)
    chain = await _changed(
        parts, caller, endpoint_id, lambda chain, now: chain.choosing(choice.schemes, _fresh(), now, overlap)
    )
    _log("endpoint.signing-chosen", endpoint_id, caller, chain, choice.overlap_seconds)
    return _signing(chain)


@router.get("/secret", summary="Reveal an endpoint's secrets (3PL's administrators)", responses=FOUND)
async def reveal_secret(
    endpoint_id: str, caller: GivenCaller, parts: GivenParts, response: Response
) -> Secrets:
    """It needs the scope `write`: whoever has a secret can write webhooks that look like ours."""
    async with parts.database.transaction() as connection:
        await theirs(connection, caller, endpoint_id)
        require_owner(caller, "administrator")
        stored = await keychains.read(connection, endpoint_id)
    response.headers["Cache-Control"] = "no-store"
    return _secrets(_opened(parts, stored).at(datetime.now(UTC)))


@router.post(
    "/secret/rotate", summary="Replace an endpoint's secret (3PL's administrators)", responses=ROTATES
)
async def rotate_secret(
    endpoint_id: str, rotation: Rotation, caller: GivenCaller, parts: GivenParts, response: Response
) -> Secrets:
    """Webhooks are signed with the new and the old for the overlap, then with the new alone.

    A rotation with an overlap of 0 ends all old ones at once. If the answer is lost, `GET …/secret` tells it.
    """
    overlap = timedelta(seconds=rotation.overlap_seconds)
    chain = await _changed(
        parts, caller, endpoint_id, lambda chain, now: chain.rotated(rotation.scheme, _fresh(), now, overlap)
    )
    _log("endpoint.secret-rotated", endpoint_id, caller, chain, rotation.overlap_seconds)
    response.headers["Cache-Control"] = "no-store"
    return _secrets(chain)


async def _changed(
    parts: Parts, caller: Caller, endpoint_id: str, change: Callable[[Keychain, datetime], Keychain]
) -> Keychain:
    """An endpoint's keychain after a change by its owner's administrator."""
    async with parts.database.transaction() as connection:
        await theirs(connection, caller, endpoint_id)
        require_owner(caller, "administrator")
        stored = await keychains.claim(connection, endpoint_id)
        chain = change(_opened(parts, stored), datetime.now(UTC))
        await keychains.save(connection, {endpoint_id: parts.ring.seal(chain.text.encode())})
    return chain


def _opened(parts: Parts, stored: bytes) -> Keychain:
    return Keychain.read(parts.ring.decrypt(stored).decode())


def _fresh() -> Fresh:
    return {
        "v1": signing.secret(os.urandom(signing.SECRET_BYTES)),
        "v1a": signing.private_key(os.urandom(signing.SEED_BYTES)),
    }


def _signing(chain: Keychain) -> Signing:
    current = chain.current("v1a")
    return Signing(
        schemes=list(chain.schemes),
        public_key=None if current is None else signing.public_key(current),
        old_public_keys=[
            OldPublicKey(public_key=signing.public_key(private), valid_until=until)
            for private, until in chain.old("v1a")
        ],
    )


def _secrets(chain: Keychain) -> Secrets:
    return Secrets(
        **dict(_signing(chain)),
        secret=chain.current("v1"),
        old_secrets=[OldSecret(secret=secret, valid_until=until) for secret, until in chain.old("v1")],
    )


def _log(event: str, endpoint_id: str, caller: Caller, chain: Keychain, overlap_seconds: int) -> None:
    """One wide line, without what signs."""
    log.info(
        event,
        endpoint_id=endpoint_id,
        account=caller.account,
        by=caller.subject,
        schemes=chain.schemes,
        overlap_seconds=overlap_seconds,
    )

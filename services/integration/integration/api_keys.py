"""An API key: how a program shows which account it speaks for (DESIGN 2.1 and 7)."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.callers import Role, Scope

ID_PREFIX = "key_"
SECRET_PREFIX = "secret_"  # noqa: S105 -- what every secret begins with, so that scanners find a leaked one


class ApiKey(BaseModel):
    """A key without its secret; its `id` is the OAuth client_id."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(description="The client_id for POST /oauth/token.")
    account_id: str
    name: str
    scopes: tuple[Scope, ...]
    roles: tuple[Role, ...]
    created_at: datetime
    revoked_at: datetime | None = None


class IssuedApiKey(ApiKey):
    """A key with its secret, as it is shown once."""

    secret: str = Field(
        repr=False, description="The client_secret for POST /oauth/token; it is shown only now."
    )


def hashed(secret: str) -> bytes:
    """What is stored of a secret (32 bytes).

    A bare SHA-256 is enough: the secret is 256 bits of chance, not a person's password, so there is
    nothing to guess that salt or slowness would protect.
    """
    return hashlib.sha256(secret.encode()).digest()


def matches(secret: str, stored: bytes | None) -> bool:
    """Whether this is the secret behind the stored hash; takes as long when there is no such key."""
    same = hmac.compare_digest(hashed(secret), stored or bytes(32))
    return same and stored is not None


def issue(account_id: str, name: str, scopes: Sequence[Scope], chance: bytes, now: datetime) -> IssuedApiKey:
    """A new key, an administrator's, from 40 bytes of chance: 8 for its id, 32 for its secret."""
    secret = base64.urlsafe_b64encode(chance[8:]).decode().rstrip("=")
    return IssuedApiKey(
        id=ID_PREFIX + chance[:8].hex(),
        account_id=account_id,
        name=name,
        scopes=tuple(sorted(set(scopes))),
        roles=("administrator",),
        created_at=now,
        secret=SECRET_PREFIX + secret,
    )

"""Standard Webhooks 1.0: secrets, and the headers that let a receiver know who wrote a body.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md. `v1` is HMAC-SHA256, `v1a`
is ed25519; a private key is written as the 32 bytes of its seed, as in libraries/go/webhook_asymmetric.go.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Scheme = Literal["v1", "v1a"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

PREFIX = "whsec_"
PRIVATE_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
SECRET_BYTES = 24
SEED_BYTES = 32


def secret(chance: bytes) -> str:
    """A secret for `v1`, `whsec_…`, made of 24 to 64 random bytes; the receiver needs it to verify."""
    return PREFIX + base64.b64encode(chance).decode()


def private_key(chance: bytes) -> str:
    """A private key for `v1a`, `whsk_…`, made of 32 random bytes; nobody but the sender needs it."""
    return PRIVATE_PREFIX + base64.b64encode(chance).decode()


def public_key(private: str) -> str:
    """The public key, `whpk_…`, that verifies what a private key signs."""
    return PUBLIC_PREFIX + base64.b64encode(_ed25519(private).public_key().public_bytes_raw()).decode()


def scheme(written: str) -> Scheme:
    """What a secret or a private key signs by."""
    return "v1a" if written.startswith(PRIVATE_PREFIX) else "v1"


def headers(secrets: Sequence[str], webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt, with a signature for each secret: one can replace another.

    `timestamp` is in seconds since 1970, that of the attempt.
    """
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(each, signed) for each in secrets),
    }


def _signature(written: str, signed: bytes) -> str:
    named = scheme(written)
    made = _ed25519(written).sign(signed) if named == "v1a" else _hmac(written, signed)
    return f"{named},{base64.b64encode(made).decode()}"


def _hmac(written: str, signed: bytes) -> bytes:
    return hmac.digest(base64.b64decode(written.removeprefix(PREFIX)), signed, hashlib.sha256)


# To make the key takes as long as to sign with it.
@lru_cache(maxsize=1000)
def _ed25519(written: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(written.removeprefix(PRIVATE_PREFIX)))

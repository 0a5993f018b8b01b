"""Standard Webhooks 1.0: secrets, and the headers that let a receiver know who wrote a body.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 24


def secret(chance: bytes) -> str:
    """A signing secret, `whsec_…`, made of 24 to 64 random bytes."""
    return PREFIX + base64.b64encode(chance).decode()


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
    key = base64.b64decode(written.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()

"""Webhooks verified as their receivers do: `v1` by the official library, `v1a` by `cryptography`."""

import base64
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError


def verified_by_secret(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a secret, `whsec_…`, verifies one of the signatures."""
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except WebhookVerificationError:
        return False
    return True


def verified_by_public_key(public_key: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a public key, `whpk_…`, verifies one of the signatures."""
    assert public_key.startswith("whpk_")
    key = Ed25519PublicKey.from_public_bytes(
        base64.b64decode(public_key.removeprefix("whpk_"), validate=True)
    )
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    made = [each.split(",") for each in headers["webhook-signature"].split(" ")]
    return any(_verifies(key, base64.b64decode(each), signed) for scheme, each in made if scheme == "v1a")


def _verifies(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True

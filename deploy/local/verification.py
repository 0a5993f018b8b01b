"""Webhooks verified as those who receive them do it, and in words why one is not.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md. `v1` is left to the
official library, which knows no `v1a`.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRET, PUBLIC_KEY = "whsec_", "whpk_"
PUBLIC_KEY_BYTES = 32
SCHEMES = frozenset({"v1", "v1a"})
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
TOLERANCE = timedelta(minutes=5)  # the library's own


@dataclass(frozen=True, slots=True)
class Verdict:
    """By which schemes, `v1` or `v1a`, a webhook is verified; by none, `reason` says why."""

    schemes: tuple[str, ...]
    reason: str = ""


def fault(key: str, prefix: str) -> str | None:
    """What is wrong with a secret (prefix `SECRET`) or a public key (prefix `PUBLIC_KEY`), if anything."""
    if not key.startswith(prefix):
        return f"does not begin with {prefix}"
    try:
        length = len(base64.b64decode(key.removeprefix(prefix), validate=True))
    except ValueError:
        return f"has something other than base64 after {prefix}"
    if length == 0 or (prefix == PUBLIC_KEY and length != PUBLIC_KEY_BYTES):
        return f"holds {length} bytes after {prefix}: it is not whole"
    return None


def verify(keys: Sequence[str], headers: Mapping[str, str], body: bytes) -> Verdict:
    """Whether one of the secrets and public keys, none with a fault, verifies a webhook now.

    `headers` go by their names in lower case.
    """
    reason = _doubt(headers)
    if reason is not None:
        return Verdict((), reason)
    found = {_scheme(key) for key in keys if _verifies(key, headers, body)}
    if found:
        return Verdict(tuple(sorted(found)))
    return Verdict((), _unverified_because({_scheme(key) for key in keys}, headers))


def _unverified_because(known: Set[str], headers: Mapping[str, str]) -> str:
    """Why no signature is by a key; `known` are the schemes that there are keys for."""
    signed_by = SCHEMES & {scheme for scheme, _ in _signatures(headers)}
    if not signed_by:
        return "its webhook-signature names neither v1 nor v1a"
    if not signed_by & known:
        return f"it is signed by {' and '.join(sorted(signed_by))}, which no key here is for"
    return "none of the keys here made its signature, or its body was changed on the way"


def _doubt(headers: Mapping[str, str]) -> str | None:
    """Why no signature needs looking at."""
    missing = [name for name in HEADERS if not headers.get(name)]
    if missing:
        return f"it has no header {missing[0]}"
    given = headers["webhook-timestamp"]
    try:
        age = datetime.now(UTC) - datetime.fromtimestamp(int(given), UTC)
    except (ValueError, OverflowError, OSError):
        return "its webhook-timestamp is no number of seconds since 1970"
    if abs(age) <= TOLERANCE:
        return None
    off = f"{abs(age) // timedelta(seconds=1):,} s {'old' if age > TOLERANCE else 'ahead of the clock here'}"
    return f"its webhook-timestamp is {off}; {TOLERANCE // timedelta(seconds=1)} s are the most"


def _scheme(key: str) -> str:
    return "v1a" if key.startswith(PUBLIC_KEY) else "v1"


def _verifies(key: str, headers: Mapping[str, str], body: bytes) -> bool:
    try:
        if _scheme(key) == "v1a":
            return _verifies_v1a(key, headers, body)
        Webhook(key).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _verifies_v1a(key: str, headers: Mapping[str, str], body: bytes) -> bool:
    public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix(PUBLIC_KEY)))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    made = (base64.b64decode(each) for scheme, each in _signatures(headers) if scheme == "v1a")
    return any(_is_of(public_key, each, signed) for each in made)


def _is_of(public_key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        public_key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _signatures(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each signature of the header, after its scheme."""
    for each in headers["webhook-signature"].split():
        scheme, _, signature = each.partition(",")
        yield scheme, signature

"""The keys that sign access tokens: when each signs, and how it is published (DESIGN 7).

Source: RFC 7517 (JWK), RFC 8037 (Ed25519 in JWK).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm

from shared.auth import ALGORITHM

# A key is published before it signs, so that whoever reads the keys every 5 minutes knows it by then, and
# after it signed, until the last token it signed has expired.
PUBLISHED_BEFORE = timedelta(minutes=15)
PUBLISHED_AFTER = timedelta(minutes=20)


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key by its 32 private bytes. It is published longer than it signs; None means no end yet."""

    kid: str
    private_key: bytes = field(repr=False)
    published_at: datetime
    signs_from: datetime
    signs_until: datetime | None = None
    published_until: datetime | None = None

    @cached_property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.private_key)

    @cached_property
    def jwk(self) -> dict[str, Any]:
        """The public part, as it is published."""
        public = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "use": "sig", "alg": ALGORITHM}

    @cached_property
    def public(self) -> PyJWK:
        return PyJWK(self.jwk)

    def signs(self, now: datetime) -> bool:
        return self.signs_from <= now and not self.is_spent(now)

    def is_spent(self, now: datetime) -> bool:
        """Whether it will never sign again."""
        return self.signs_until is not None and self.signs_until <= now

    def is_published(self, now: datetime) -> bool:
        return self.published_at <= now and (self.published_until is None or now < self.published_until)


def signer(keys: Sequence[SigningKey], now: datetime) -> SigningKey | None:
    """The key that signs now: the newest of those whose time it is."""
    return max((key for key in keys if key.signs(now)), key=lambda key: key.signs_from, default=None)


def succession(
    keys: Sequence[SigningKey], lifetime: timedelta, now: datetime, kid: str, private_key: bytes
) -> tuple[SigningKey, SigningKey] | None:
    """The newest key with its end, and the key that follows it, once it has signed for its lifetime.

    None while it has not, or has a follower already.
    """
    newest = max(keys, key=lambda key: key.signs_from, default=None)
    if newest is None or newest.signs_until is not None or now < newest.signs_from + lifetime:
        return None
    begins = now + PUBLISHED_BEFORE
    follower = SigningKey(kid, private_key, published_at=now, signs_from=begins)
    return replace(newest, signs_until=begins, published_until=begins + PUBLISHED_AFTER), follower

"""The keys that sign access tokens: when each signs, and how it is published (DESIGN 7).

Source: RFC 7517 (JWK), RFC 8037 (Ed25519 in JWK).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm

from shared.auth import ALGORITHM


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

"""Passwords: kept as argon2id hashes, made and checked beside the event loop (RFC 9106)."""

import asyncio
import os

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# argon2-cffi's defaults are RFC 9106's second choice: 64 MiB, 3 passes, 4 lanes. Each that runs takes its
# 64 MiB, so no more than two do.
_HASHER = PasswordHasher()
_AT_ONCE = 2


class Passwords:
    """Hashes and checks passwords, two at once."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        async with self._room:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether this is the password behind the stored hash; takes as long when there is none."""
        if self._nobodys is None:
            self._nobodys = await self.hash(os.urandom(16).hex())
        async with self._room:
            same = await asyncio.to_thread(_verify, stored or self._nobodys, password)
        return same and stored is not None


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False

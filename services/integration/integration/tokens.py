"""Access tokens: signed with the key whose time it is, checked with those that are published (DESIGN 7)."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from jwt import PyJWK

from integration.signing_keys import SigningKey, signer, succession
from integration.store import signing_keys
from shared import auth
from shared.contracts.callers import Caller
from shared.database import Database
from shared.encryption import KeyRing

log = structlog.get_logger()

# A key is published 15 minutes before it signs, so a process that reads the keys each minute is never late.
REFRESH = 60.0


class Tokens:
    """This service's own keys, from its database, and the tokens they sign."""

    def __init__(
        self, database: Database, ring: KeyRing, lifetime: timedelta, key_lifetime: timedelta
    ) -> None:
        self.lifetime = lifetime
        self._key_lifetime = key_lifetime
        self._database = database
        self._ring = ring
        self._keys: list[SigningKey] = []

    async def ensure_key(self) -> None:
        """Makes the first key, which signs at once; of several processes that start together one does.

        Raises `SettingsWrong` if the encryption keys don't open the stored ones.
        """
        async with self._database.transaction() as connection:
            await signing_keys.lock(connection)
            now = datetime.now(UTC)  # read under the lock, so that no key made meanwhile lies ahead of it
            keys = await signing_keys.published(connection, self._ring, now)
            if all(key.is_spent(now) for key in keys):
                first = SigningKey(secrets.token_hex(8), secrets.token_bytes(32), now, now)
                await signing_keys.add(connection, self._ring, first)

    async def keep_step(self) -> bool:
        """Reads the keys anew, and lets a new one follow when the newest has signed long enough."""
        async with self._database.transaction() as connection:
            await signing_keys.lock(connection)
            now = datetime.now(UTC)
            keys = list(await signing_keys.published(connection, self._ring, now))
            follow = succession(keys, self._key_lifetime, now, secrets.token_hex(8), secrets.token_bytes(32))
            if follow is not None:
                ended, follower = follow
                await signing_keys.end(connection, ended)
                await signing_keys.add(connection, self._ring, follower)
                keys = [*(key for key in keys if key.kid != ended.kid), ended, follower]
                log.info(
                    "signing-key.followed",
                    kid=ended.kid,
                    by=follower.kid,
                    signs_from=follower.signs_from.isoformat(),
                )
        self._keys = keys
        return False

    async def issue(self, caller: Caller) -> str:
        """A signed token that claims the caller, good for `lifetime`."""
        now = datetime.now(UTC)
        key = signer(await self._current(), now)
        if key is None:
            raise LookupError("no signing key's time is now; starting the service anew makes one")
        return auth.sign(caller, key.private, key.kid, now, self.lifetime)

    async def find(self, kid: str) -> PyJWK | None:
        """The published key of this id."""
        now = datetime.now(UTC)
        known = (key for key in await self._current() if key.kid == kid and key.is_published(now))
        return next((key.public for key in known), None)

    async def published(self) -> list[dict[str, Any]]:
        """The published keys as a JWK Set's `keys`."""
        now = datetime.now(UTC)
        return [key.jwk for key in await self._current() if key.is_published(now)]

    async def _current(self) -> list[SigningKey]:
        if not self._keys:  # the loop that keeps them has not come by yet
            async with self._database.transaction() as connection:
                self._keys = list(await signing_keys.published(connection, self._ring, datetime.now(UTC)))
        return self._keys

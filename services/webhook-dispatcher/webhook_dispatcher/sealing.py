"""Secrets at rest follow the key ring: what an older key wrote is written anew by the newest."""

import structlog

from shared.database import Database
from shared.encryption import VARIABLE, KeyRing
from shared.errors import SettingsWrong
from shared.loops import Loop
from shared.telemetry import Metrics
from webhook_dispatcher.store import keychains

log = structlog.get_logger()

BATCH = 200
IDLE = 60.0


class Sealing:
    """Tries the ring before the start, and lets it get on without its older keys.

    Once `secrets_under_old_keys` is 0, nothing is stored that any of these wrote.
    """

    def __init__(self, database: Database, ring: KeyRing, metrics: Metrics) -> None:
        self.loop = Loop("sealing", self._step, metrics, idle=IDLE)
        self._database = database
        self._ring = ring
        self._left = metrics.gauge(
            "secrets_under_old_keys",
            "Endpoints whose secrets an older encryption key stored",
        )

    async def try_keys(self) -> None:
        """Raises `SettingsWrong` if the ring doesn't open everything that is stored."""
        async with self._database.transaction() as connection:
            others = await keychains.count_others(connection, [self._ring.newest, *self._ring.older])
            if others:
                raise SettingsWrong(_lacking(others))
            async for token in keychains.unnamed(connection):
                self._ring.decrypt(token)
            self._left.set(await keychains.count_under(connection, self._ring.older))

    async def _step(self) -> bool:
        """Stores some anew; says there is more until a batch was not full."""
        async with self._database.transaction() as connection:
            found = await keychains.claim_under(connection, self._ring.older, BATCH)
            anew = {id_: self._ring.seal(self._ring.decrypt(token)) for id_, token in found.items()}
            await keychains.save(connection, anew)
            left = await keychains.count_under(connection, self._ring.older)
        self._left.set(left)
        if found:
            log.info("secrets.sealed-anew", endpoints=len(found), left=left, key_id=self._ring.newest)
        return len(found) == BATCH


def _lacking(others: dict[str, int]) -> str:
    named = ", ".join(f"{key_id} ({endpoints})" for key_id, endpoints in sorted(others.items()))
    return (
        f"{VARIABLE}: lacks keys that secrets are stored with, here by their ids and for how many endpoints: "
        f"{named}; put them back, behind the newest, until orderdock_secrets_under_old_keys is 0"
    )

"""Keychains: what an endpoint's webhooks are signed with, while secrets are replaced too (DESIGN 5.2)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from shared.errors import Problem
from webhook_dispatcher import signing
from webhook_dispatcher.signing import SCHEMES, Scheme

OVERLAP = timedelta(days=1)
LONGEST_OVERLAP = timedelta(days=7)
MOST_OLD = 4  # of a scheme; each makes every webhook's header longer, and what signs `v1a` slower

Fresh = Mapping[Scheme, str]


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret or private key; an old one signs until its time is over, the current one has no end."""

    written: str = field(repr=False)
    until: datetime | None = None

    @property
    def scheme(self) -> Scheme:
        return signing.scheme(self.written)

    def signs(self, now: datetime) -> bool:
        return self.until is None or self.until > now

    def ending(self, end: datetime) -> Self:
        """The same, signing no longer than to that end."""
        return replace(self, until=end if self.until is None else min(self.until, end))


@dataclass(frozen=True, slots=True)
class Keychain:
    """An endpoint's secrets, the newer one of a scheme before the older; they are stored as one text.

    An endpoint that has been rotated never and signs by `v1` alone has its secret as the text.
    """

    secrets: tuple[Secret, ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """The keychain of a text that `text` made."""
        return cls(tuple(_read(part) for part in text.split(" ")))

    @property
    def text(self) -> str:
        """Secrets with a space between; after an old one its end, as `@2026-11-23T12:00:00+00:00`."""
        return " ".join(_text(each) for each in self.secrets)

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """What the endpoint signs by, other than with old secrets."""
        return tuple(scheme for scheme in SCHEMES if self.current(scheme) is not None)

    def current(self, scheme: Scheme) -> str | None:
        """The scheme's newest secret, if the endpoint signs by it."""
        return next((each.written for each in self.secrets if each.scheme == scheme and not each.until), None)

    def old(self, scheme: Scheme) -> list[tuple[str, datetime]]:
        """The scheme's old secrets, the newest first, each with its end."""
        return [(each.written, each.until) for each in self.secrets if each.scheme == scheme and each.until]

    def at(self, now: datetime) -> Self:
        """What signs at this moment."""
        return replace(self, secrets=tuple(each for each in self.secrets if each.signs(now)))

    def signing(self, now: datetime) -> list[str]:
        """The secrets that sign at this moment."""
        return [each.written for each in self.secrets if each.signs(now)]

    def rotated(self, scheme: Scheme | None, fresh: Fresh, now: datetime, overlap: timedelta) -> Self:
        """With a fresh secret for a scheme (None: for each it signs by); the old ones end after the overlap.

        Raises `Problem` 409 where the endpoint doesn't sign by the scheme, or too many would sign at once.
        """
        known = self.at(now)
        wanted = known.schemes if scheme is None else (scheme,)
        for each in wanted:
            _require_room(known, each, overlap)
        new = tuple(Secret(fresh[each]) for each in wanted)
        return replace(self, secrets=new + known._ended(wanted, now + overlap)).at(now)

    def choosing(self, wanted: Collection[Scheme], fresh: Fresh, now: datetime, overlap: timedelta) -> Self:
        """Signing by these schemes; those of the others end after the overlap.

        A scheme that has not ended yet goes on with the secret it had, another one begins with a fresh one.
        """
        known = self.at(now)
        newest = {each.scheme: each for each in reversed(known.secrets)}
        new = tuple(Secret(fresh[each]) for each in SCHEMES if each in wanted and each not in newest)
        dropped = [each for each in SCHEMES if each not in wanted]
        ended = known._ended(dropped, now + overlap)
        kept = tuple(
            replace(each, until=None) if each in newest.values() and each.scheme in wanted else each
            for each in ended
        )
        return replace(self, secrets=new + kept).at(now)

    def _ended(self, schemes: Collection[Scheme], end: datetime) -> tuple[Secret, ...]:
        return tuple(each.ending(end) if each.scheme in schemes else each for each in self.secrets)


def _require_room(chain: Keychain, scheme: Scheme, overlap: timedelta) -> None:
    if chain.current(scheme) is None:
        raise Problem(
            409,
            "scheme-not-chosen",
            f"This endpoint doesn't sign by {scheme}; PUT …/signing chooses what it signs by.",
        )
    old = chain.old(scheme)
    if overlap and len(old) >= MOST_OLD:
        raise Problem(
            409,
            "too-many-secrets",
            f"{len(old)} old secrets of {scheme} still sign; wait until one's time is over, or rotate with "
            "overlap_seconds 0, which ends all of them.",
        )


def _read(part: str) -> Secret:
    written, _, until = part.partition("@")
    return Secret(written, datetime.fromisoformat(until) if until else None)


def _text(secret: Secret) -> str:
    return secret.written if secret.until is None else f"{secret.written}@{secret.until.isoformat()}"

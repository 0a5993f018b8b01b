"""Secrets at rest: a ring of Fernet keys, of which the first encrypts and every one decrypts."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from shared.errors import SettingsWrong

VARIABLE = "ORDERDOCK_ENCRYPTION_KEYS"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as it is stored: encrypted, and the id of the key that did it, which a token doesn't tell."""

    token: bytes = field(repr=False)
    key_id: str


class KeyRing:
    """Encrypts with the newest key and reads what any of its keys wrote.

    `newest` is that key's id, `older` are the others'.
    """

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        if not keys:
            raise SettingsWrong(f"{VARIABLE}: is missing; {_HOW}")
        written = [key.get_secret_value() for key in keys]
        try:
            self._fernet = MultiFernet([Fernet(key) for key in written])
        except ValueError as error:
            raise SettingsWrong(f"{VARIABLE}: holds a key that is none; {_HOW}") from error
        self.newest, *older = dict.fromkeys(map(key_id, written))
        self.older: Sequence[str] = tuple(older)

    def encrypt(self, secret: bytes) -> bytes:
        return self._fernet.encrypt(secret)

    def seal(self, secret: bytes) -> Sealed:
        """The secret as it is stored where the ring's own change is to be followed."""
        return Sealed(self.encrypt(secret), self.newest)

    def decrypt(self, token: bytes) -> bytes:
        """The secret; raises `SettingsWrong` if no key of the ring wrote it."""
        try:
            return self._fernet.decrypt(token)
        except InvalidToken as error:
            raise SettingsWrong(f"{VARIABLE}: none of its keys opens a stored secret") from error


def key_id(key: str) -> str:
    """What tells keys apart and tells nothing of them: 8 bytes of a key's SHA-256, in hex."""
    return hashlib.sha256(base64.urlsafe_b64decode(key)).hexdigest()[:16]


_HOW = "make one: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"

"""Secrets at rest: a ring of Fernet keys, of which the first encrypts and every one decrypts."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from shared.errors import SettingsWrong

VARIABLE = "ORDERDOCK_ENCRYPTION_KEYS"


class KeyRing:
    """Encrypts with the newest key and reads what any of its keys wrote."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        if not keys:
            raise SettingsWrong(f"{VARIABLE}: is missing; {_HOW}")
        try:
            self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys])
        except ValueError as error:
            raise SettingsWrong(f"{VARIABLE}: holds a key that is none; {_HOW}") from error

    def encrypt(self, secret: bytes) -> bytes:
        return self._fernet.encrypt(secret)

    def decrypt(self, token: bytes) -> bytes:
        """The secret; raises `SettingsWrong` if no key of the ring wrote it."""
        try:
            return self._fernet.decrypt(token)
        except InvalidToken as error:
            raise SettingsWrong(f"{VARIABLE}: none of its keys opens a stored secret") from error


_HOW = "make one: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"

"""A ring of keys: the first writes, every one reads, and what each wrote can be told by its id."""

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from shared.encryption import KeyRing, Sealed, key_id
from shared.errors import SettingsWrong

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def ring(*keys: str) -> KeyRing:
    return KeyRing([SecretStr(key) for key in keys])


def test_what_an_older_key_wrote_is_read_and_written_anew_by_the_newest() -> None:
    sealed = ring(OLD).seal(b"secret")
    both = ring(NEW, OLD)
    anew = both.seal(both.decrypt(sealed.token))
    assert (sealed.key_id, anew.key_id) == (key_id(OLD), both.newest) == (both.older[0], key_id(NEW))
    assert ring(NEW).decrypt(anew.token) == b"secret"
    with pytest.raises(SettingsWrong, match="ORDERDOCK_ENCRYPTION_KEYS"):
        ring(NEW).decrypt(sealed.token)


def test_a_key_named_twice_is_one() -> None:
    assert ring(NEW, NEW, OLD).older == (key_id(OLD),)
    assert ring(NEW, OLD, NEW).older == (key_id(OLD),)
    assert ring(NEW).older == ()


def test_a_keys_id_tells_nothing_of_it() -> None:
    assert len(key_id(OLD)) == 16
    assert key_id(OLD) not in OLD
    assert key_id(OLD) != key_id(NEW)


def test_what_is_sealed_is_not_in_what_a_log_would_show() -> None:
    assert "token" not in repr(Sealed(b"token", "id"))

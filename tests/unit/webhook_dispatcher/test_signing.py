"""Signatures as Standard Webhooks 1.0 has them: receivers verify what we sign."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.signatures import verified_by_public_key, verified_by_secret
from webhook_dispatcher import signing

SECRETS = st.binary(min_size=24, max_size=64).map(signing.secret)
PRIVATE_KEYS = st.binary(min_size=32, max_size=32).map(signing.private_key)
TEXTS = st.text(st.characters(codec="utf-8"))


# github.com/standard-webhooks/standard-webhooks: libraries/python/tests/test_webhooks.py, the same in
# libraries/go/webhook_symmetric_test.go, and libraries/go/webhook_asymmetric_test.go.
@pytest.mark.parametrize(
    ("secret", "signature"),
    [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        (
            "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=",
            "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==",
        ),
    ],
)
def test_the_published_vectors_have_their_signatures(secret: str, signature: str) -> None:
    said = signing.headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert said == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": signature,
    }


@given(SECRETS, TEXTS)
def test_the_official_library_verifies_v1(secret: str, text: str) -> None:
    headers = signing.headers([secret], "msg_1", int(time.time()), text.encode())
    assert verified_by_secret(secret, headers, text.encode())


@given(PRIVATE_KEYS, TEXTS)
def test_cryptography_verifies_v1a(private_key: str, text: str) -> None:
    headers = signing.headers([private_key], "msg_1", int(time.time()), text.encode())
    assert verified_by_public_key(signing.public_key(private_key), headers, text.encode())


@given(st.lists(SECRETS, min_size=1, max_size=5), st.lists(PRIVATE_KEYS, max_size=5))
def test_of_several_secrets_of_both_schemes_each_verifies(
    secrets: list[str], private_keys: list[str]
) -> None:
    headers = signing.headers([*private_keys, *secrets], "msg_1", int(time.time()), b"{}")
    assert all(verified_by_secret(each, headers, b"{}") for each in secrets)
    assert all(verified_by_public_key(signing.public_key(each), headers, b"{}") for each in private_keys)


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({}, b"[]"),
        ({"webhook-id": "msg_2"}, b"{}"),
        ({"webhook-timestamp": str(int(time.time()) - 60)}, b"{}"),
    ],
)
def test_what_was_changed_is_not_verified(changed: dict[str, str], body: bytes) -> None:
    secret, private_key = signing.secret(b"k" * 24), signing.private_key(b"k" * 32)
    headers = signing.headers([secret, private_key], "msg_1", int(time.time()), b"{}")
    assert verified_by_secret(secret, headers, b"{}")
    assert not verified_by_secret(secret, {**headers, **changed}, body)
    assert not verified_by_public_key(signing.public_key(private_key), {**headers, **changed}, body)


def test_others_secrets_verify_nothing() -> None:
    headers = signing.headers(
        [signing.secret(b"k" * 24), signing.private_key(b"k" * 32)], "msg_1", int(time.time()), b"{}"
    )
    assert not verified_by_secret(signing.secret(b"x" * 24), headers, b"{}")
    assert not verified_by_public_key(signing.public_key(signing.private_key(b"x" * 32)), headers, b"{}")


def test_a_public_key_is_32_bytes_and_does_not_hold_the_private_one() -> None:
    private_key = signing.private_key(b"k" * 32)
    public = base64.b64decode(signing.public_key(private_key).removeprefix("whpk_"))
    assert len(public) == 32
    assert public != b"k" * 32

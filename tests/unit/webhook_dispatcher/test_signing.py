"""Signatures as Standard Webhooks 1.0 has them: the official library verifies what we sign."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from webhook_dispatcher import signing

SECRETS = st.binary(min_size=24, max_size=64).map(signing.secret)


def test_the_specifications_example_has_its_signature() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    said = signing.headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert said["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(SECRETS, st.text())
def test_the_official_library_verifies_it(secret: str, text: str) -> None:
    body = text.encode()
    headers = signing.headers([secret], "msg_1", int(time.time()), body)
    Webhook(secret).verify(body, headers, json_parse=False)


@given(SECRETS, SECRETS)
def test_two_secrets_sign_so_that_either_verifies(old: str, new: str) -> None:
    headers = signing.headers([new, old], "msg_1", int(time.time()), b"{}")
    for secret in (old, new):
        Webhook(secret).verify(b"{}", headers)


def test_a_changed_body_is_not_verified() -> None:
    secret = signing.secret(b"k" * 24)
    headers = signing.headers([secret], "msg_1", int(time.time()), b"{}")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b"[]", headers)

"""What the token endpoint reads from a request, and by which of RFC 6749's names it refuses one."""

import base64
from urllib.parse import urlencode

import pytest

from integration import oauth
from integration.oauth import FORM, OAuthError, TokenRequest

WHOLE = {"grant_type": "client_credentials", "client_id": "key_1", "client_secret": "secret_1"}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_client_shows_itself_in_the_form_or_by_http_basic() -> None:
    wanted = TokenRequest("key_1", "secret_1", frozenset())
    assert oauth.read(None, f"{FORM}; charset=utf-8", urlencode(WHOLE).encode()) == wanted
    grant = b"grant_type=client_credentials&scope=read"
    by_basic = oauth.read(basic("key_1", "secret%5F1"), FORM, grant)
    assert by_basic == TokenRequest("key_1", "secret_1", frozenset({"read"}))


REFUSED = [
    (None, FORM, b"", "invalid_request"),
    (None, FORM, b"\xff\xfe", "invalid_request"),
    (None, "application/json", b"{}", "invalid_request"),
    (None, FORM, b"&".join([b"a=1"] * 50), "invalid_request"),
    (None, FORM, urlencode(WHOLE).encode() + b"&client_id=other", "invalid_request"),
    (None, FORM, b"grant_type=password", "unsupported_grant_type"),
    (None, FORM, b"grant_type=client_credentials", "invalid_client"),
    (None, FORM, b"grant_type=client_credentials&client_id=key_1&client_secret=", "invalid_client"),
    ("Basic ???", FORM, b"grant_type=client_credentials", "invalid_client"),
    ("Bearer abc", FORM, b"grant_type=client_credentials", "invalid_client"),
    (basic("key_1", "x"), FORM, urlencode(WHOLE).encode(), "invalid_request"),
]


@pytest.mark.parametrize(("authorization", "content_type", "body", "code"), REFUSED)
def test_a_request_that_is_wrong_is_refused_by_its_name(
    authorization: str | None, content_type: str, body: bytes, code: str
) -> None:
    with pytest.raises(OAuthError) as refusal:
        oauth.read(authorization, content_type, body)
    assert refusal.value.code == code
    assert refusal.value.status == (401 if code == "invalid_client" else 400)


def test_a_token_has_the_scopes_asked_for_and_never_more_than_the_key() -> None:
    assert oauth.granted(frozenset(), ("read", "write")) == {"read", "write"}
    assert oauth.granted({"read"}, ("read", "write")) == {"read"}
    with pytest.raises(OAuthError) as refusal:
        oauth.granted({"read", "write"}, ("read",))
    assert refusal.value.code == "invalid_scope"

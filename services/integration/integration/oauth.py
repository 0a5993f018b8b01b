"""What a program asks of the token endpoint, and how it is refused.

Source: RFC 6749, sections 2.3.1 (client password), 4.4 (client credentials) and 5.2 (errors).
"""

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus

FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 20


class OAuthError(Exception):
    """A refused token request; `code` is one of RFC 6749's names, the text says what to do."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description

    @property
    def status(self) -> int:
        return 401 if self.code == "invalid_client" else 400


@dataclass(frozen=True)
class TokenRequest:
    """A client's id and secret, and the scopes it asks for; none named: all it has."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: frozenset[str]


def read(authorization: str | None, content_type: str, body: bytes) -> TokenRequest:
    """The request in an HTTP message; raises `OAuthError`."""
    form = _form(content_type, body)
    if "grant_type" not in form:
        raise OAuthError("invalid_request", "The field grant_type is missing; send client_credentials.")
    if form["grant_type"] != "client_credentials":
        raise OAuthError("unsupported_grant_type", "The only grant_type here is client_credentials.")
    client_id, secret = _client(authorization, form)
    return TokenRequest(client_id, secret, frozenset(form.get("scope", "").split()))


def granted(asked: Collection[str], allowed: Collection[str]) -> frozenset[str]:
    """The scopes a token gets; raises `OAuthError` if one was asked for that the key doesn't have."""
    beyond = sorted(set(asked) - set(allowed))
    if beyond:
        raise OAuthError("invalid_scope", f"This key has only the scopes: {' '.join(sorted(allowed))}.")
    return frozenset(asked or allowed)


def invalid_client() -> OAuthError:
    """The same words whether the key is unknown or revoked, or its secret is wrong."""
    return OAuthError("invalid_client", "There is no such key, it was revoked, or its secret is another one.")


def _form(content_type: str, body: bytes) -> dict[str, str]:
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"The body must be a form: Content-Type {FORM}.")
    try:
        pairs = parse_qsl(body.decode(), max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise OAuthError("invalid_request", "The body is no form.") from error
    form = dict(pairs)
    if len(form) < len(pairs):
        raise OAuthError("invalid_request", "A field is given more than once.")
    return form


def _client(authorization: str | None, form: dict[str, str]) -> tuple[str, str]:
    if authorization is None:
        if "client_id" not in form or "client_secret" not in form:
            raise OAuthError("invalid_client", "Send client_id and client_secret, or HTTP Basic.")
        return form["client_id"], form["client_secret"]
    if "client_secret" in form:
        raise OAuthError("invalid_request", "Send the secret by HTTP Basic or in the form, not both.")
    return _basic(authorization)


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error) as error:
        raise OAuthError("invalid_client", "The Authorization header is no HTTP Basic.") from error
    if scheme.lower() != "basic" or not colon:
        raise OAuthError("invalid_client", "The Authorization header is no HTTP Basic.")
    return unquote_plus(user), unquote_plus(password)

"""Whose a token is: checked once, and refused as soon as its key or its time is over."""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.security import HTTPAuthorizationCredentials
from jwt import PyJWK
from jwt.algorithms import OKPAlgorithm

from shared import auth
from shared.contracts.callers import Caller
from shared.errors import Problem
from tests.harness import until

CALLER = Caller(account="S-7F3K-9QXC", kind="shop", subject="key_1", scopes=frozenset({"read"}))


class Published:
    """Keys as they are published, by their ids."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        self.keys = {"one": jwk(self._private)}

    async def find(self, kid: str) -> PyJWK | None:
        return self.keys.get(kid)

    def token(
        self, lifetime: timedelta = timedelta(minutes=15), ahead: timedelta = timedelta()
    ) -> HTTPAuthorizationCredentials:
        signed = auth.sign(CALLER, self._private, "one", datetime.now(UTC) + ahead, lifetime)
        return HTTPAuthorizationCredentials(scheme="Bearer", credentials=signed)


def jwk(private: Ed25519PrivateKey) -> PyJWK:
    return PyJWK({**OKPAlgorithm.to_jwk(private.public_key(), as_dict=True), "alg": auth.ALGORITHM})


async def refused(callers: auth.Callers, given: HTTPAuthorizationCredentials | None) -> bool:
    try:
        await callers.of(given)
    except Problem as problem:
        return problem.status == 401
    return False


async def test_a_token_says_who_calls_each_time_it_comes() -> None:
    published = Published()
    callers, token = auth.Callers(published.find), published.token()
    assert await callers.of(token) == await callers.of(token) == CALLER
    assert await refused(callers, None)


async def test_a_token_is_good_at_once_where_the_clock_is_behind_the_issuers() -> None:
    published = Published()
    token = published.token(ahead=timedelta(minutes=1))
    assert await auth.Callers(published.find).of(token) == CALLER


async def test_a_token_is_refused_once_its_key_is_no_longer_published() -> None:
    published = Published()
    callers, token = auth.Callers(published.find), published.token()
    assert await callers.of(token) == CALLER
    published.keys.clear()
    assert await refused(callers, token)


async def test_a_token_is_checked_anew_when_its_key_id_means_another_key() -> None:
    published = Published()
    callers, token = auth.Callers(published.find), published.token()
    assert await callers.of(token) == CALLER
    published.keys["one"] = jwk(Ed25519PrivateKey.generate())
    assert await refused(callers, token)


async def test_a_token_that_was_taken_is_refused_once_it_has_expired() -> None:
    published = Published()
    callers, token = auth.Callers(published.find), published.token(timedelta(seconds=2))
    assert await callers.of(token) == CALLER
    await until("the token has expired", lambda: refused(callers, token))


async def test_a_changed_token_is_not_taken_for_the_one_that_was_checked() -> None:
    published = Published()
    callers, token = auth.Callers(published.find), published.token()
    assert await callers.of(token) == CALLER
    head, claims, signature = token.credentials.split(".")
    forged = f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    assert await refused(callers, HTTPAuthorizationCredentials(scheme="Bearer", credentials=forged))

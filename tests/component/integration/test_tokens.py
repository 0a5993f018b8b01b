"""Access tokens: got by an API key, checked by the published keys, refused in OAuth's own words."""

import base64
from typing import Any

import jwt

from tests.component.integration.conftest import Person, World, token


async def key_of(world: World) -> tuple[Person, dict[str, Any]]:
    shop = await world.account("shop")
    made = await shop.post(f"/accounts/{shop.id}/api-keys", {"name": "till", "scopes": ["read", "write"]})
    return shop, made.json()


async def test_a_token_is_signed_by_a_published_key_and_says_who_calls(world: World) -> None:
    shop, key = await key_of(world)
    form = {"grant_type": "client_credentials"}
    answer = await world.client.post("/oauth/token", data=form, auth=(key["id"], key["secret"]))
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    assert (said["token_type"], said["expires_in"], said["scope"]) == ("Bearer", 900, "read write")
    published = jwt.PyJWKSet.from_dict((await world.client.get("/.well-known/jwks.json")).json())
    signer = published[jwt.get_unverified_header(said["access_token"])["kid"]]
    claims = jwt.decode(said["access_token"], signer, ["EdDSA"], audience="orderdock", issuer="orderdock")
    assert (claims["account"], claims["kind"], claims["roles"]) == (shop.id, "shop", ["administrator"])
    assert claims["exp"] - claims["iat"] == 900


async def test_the_published_keys_hold_nothing_private(world: World) -> None:
    (key,) = (await world.client.get("/.well-known/jwks.json")).json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "kid", "use", "alg"}


async def test_a_token_may_ask_for_fewer_scopes(world: World) -> None:
    shop, key = await key_of(world)
    reader = Person(world.client, shop.id, shop.email, await token(world.client, key, scope="read"))
    assert (await reader.get(f"/accounts/{shop.id}")).status_code == 200
    assert (await reader.post("/links", {"email": "a@example.com"})).status_code == 403


async def test_a_refused_token_is_refused_as_rfc_6749_says(world: World) -> None:
    _, key = await key_of(world)
    right = {"grant_type": "client_credentials", "client_id": key["id"], "client_secret": key["secret"]}
    for wrong, status, code in (
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "key_0000000000000000"}, 401, "invalid_client"),
        ({"client_id": "key_\x00"}, 401, "invalid_client"),
        ({"client_id": "' OR 1=1"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"scope": "read everything"}, 400, "invalid_scope"),
    ):
        answer = await world.client.post("/oauth/token", data={**right, **wrong})
        assert (answer.status_code, answer.json()["error"]) == (status, code)
        assert answer.json()["error_description"]
        assert ("www-authenticate" in answer.headers) == (status == 401)
    as_json = await world.client.post("/oauth/token", json=right)
    assert (as_json.status_code, as_json.json()["error"]) == (400, "invalid_request")


async def test_without_a_valid_token_nothing_is_answered(world: World) -> None:
    shop, _ = await key_of(world)
    head, body, signature = shop.token.split(".")
    forged = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for bad in ("", "x", f"{forged}.{body}.", f"{head}.{body}.{signature[::-1]}"):
        headers = {"Authorization": f"Bearer {bad}"} if bad else {}
        answer = await world.client.get("/links", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["type"].endswith("/unauthorized")


async def test_a_body_over_the_limit_is_refused(world: World) -> None:
    _, key = await key_of(world)
    form = {"grant_type": "client_credentials", "client_id": key["id"], "client_secret": "x" * 2_000_000}
    assert (await world.client.post("/oauth/token", data=form)).status_code == 413

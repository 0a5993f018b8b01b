"""What verifies an endpoint's webhooks: both schemes, while secrets are replaced too, and who is told."""

import asyncio
import base64
from typing import Any

import httpx
import pytest

from tests.builders import SHOP, account_id
from tests.component.webhook_dispatcher.conftest import Received, World
from tests.harness import events, until
from tests.signatures import verified_by_public_key, verified_by_secret


async def endpoint_of(world: World, client: httpx.AsyncClient) -> str:
    """The path of the endpoint that a first order's webhook has gone to."""
    await world.assign(world.held("first"))
    [delivery] = await world.ended(client, 1)
    return f"/endpoints/{delivery['endpoint_id']}"


async def next_webhook(world: World, order_id: str) -> Received:
    """The webhook of a new order."""
    before = len(world.receiver.received)
    await world.assign(world.held(order_id))
    return (await world.receiver.got(before + 1))[-1]


async def revealed(world: World, client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await client.get(f"{path}/secret", headers=world.threepl())
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.json())


async def rotated(world: World, client: httpx.AsyncClient, path: str, **rotation: Any) -> dict[str, Any]:
    answer = await client.post(f"{path}/secret/rotate", headers=world.threepl(), json=rotation)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(answer.json())


async def chosen(world: World, client: httpx.AsyncClient, path: str, *schemes: str, **more: Any) -> Any:
    choice = {"schemes": list(schemes), **more}
    answer = await client.put(f"{path}/signing", headers=world.threepl(), json=choice)
    assert answer.status_code == 200, answer.text
    return answer.json()


def secret_verifies(secret: str, webhook: Received) -> bool:
    return verified_by_secret(secret, webhook.headers, webhook.body)


def key_verifies(public_key: str, webhook: Received) -> bool:
    return verified_by_public_key(public_key, webhook.headers, webhook.body)


async def test_during_a_rotation_the_old_and_the_new_secret_verify_then_the_new_alone(world: World) -> None:
    async with world.start() as client:
        path = await endpoint_of(world, client)
        old = (await revealed(world, client, path))["secret"]
        said = await rotated(world, client, path, overlap_seconds=3600)
        new = said["secret"]
        shown = await revealed(world, client, path)
        during = await next_webhook(world, "during")
        await rotated(world, client, path, overlap_seconds=1)

        async def over() -> bool:
            return not (await revealed(world, client, path))["old_secrets"]

        await until("the overlaps are over", over)
        newest = (await revealed(world, client, path))["secret"]
        after = await next_webhook(world, "after")
    assert shown == said
    assert len({old, new, newest}) == 3
    assert [each["secret"] for each in said["old_secrets"]] == [old]
    assert [secret_verifies(each, during) for each in (old, new, newest)] == [True, True, False]
    assert [secret_verifies(each, after) for each in (old, new, newest)] == [False, False, True]
    assert after.headers["webhook-signature"].count("v1,") == 1


async def test_both_schemes_sign_and_public_keys_are_rotated_like_secrets(world: World) -> None:
    async with world.start() as client:
        path = await endpoint_of(world, client)
        before = (await client.get(f"{path}/signing", headers=world.threepl())).json()
        first = await chosen(world, client, path, "v1", "v1a")
        secret = (await revealed(world, client, path))["secret"]
        both = await next_webhook(world, "both")
        second = await rotated(world, client, path, scheme="v1a", overlap_seconds=3600)
        during = await next_webhook(world, "during")
        third = await rotated(world, client, path, overlap_seconds=0)
        after = await next_webhook(world, "after")
    assert before == {"schemes": ["v1"], "public_key": None, "old_public_keys": []}
    assert (first["schemes"], first["old_public_keys"]) == (["v1", "v1a"], [])
    keys = [each["public_key"] for each in (first, second, third)]
    assert (second["secret"], second["old_secrets"]) == (secret, [])
    assert [each["public_key"] for each in second["old_public_keys"]] == [keys[0]]
    assert (third["old_secrets"], third["old_public_keys"]) == ([], [])
    assert [key_verifies(key, both) for key in keys] == [True, False, False]
    assert [key_verifies(key, during) for key in keys] == [True, True, False]
    assert [key_verifies(key, after) for key in keys] == [False, False, True]
    assert [secret_verifies(secret, each) for each in (both, during, after)] == [True, True, False]
    assert secret_verifies(third["secret"], after)


async def test_v1a_alone_lets_v1_go_on_for_the_overlap(world: World) -> None:
    async with world.start() as client:
        path = await endpoint_of(world, client)
        secret = (await revealed(world, client, path))["secret"]
        chosen_alone = await chosen(world, client, path, "v1a")
        during = await next_webhook(world, "during")
        shown = await revealed(world, client, path)
        await chosen(world, client, path, "v1a", overlap_seconds=0)
        after = await next_webhook(world, "after")
        rotation = await client.post(
            f"{path}/secret/rotate", headers=world.threepl(), json={"scheme": "v1", "overlap_seconds": 0}
        )
    assert chosen_alone["schemes"] == ["v1a"]
    assert (shown["secret"], [each["secret"] for each in shown["old_secrets"]]) == (None, [secret])
    assert secret_verifies(secret, during)
    assert key_verifies(chosen_alone["public_key"], during)
    assert after.headers["webhook-signature"].startswith("v1a,")
    assert " " not in after.headers["webhook-signature"]
    assert key_verifies(chosen_alone["public_key"], after)
    assert (rotation.status_code, rotation.json()["title"]) == (409, "scheme not chosen")


async def test_a_retry_is_signed_with_what_signs_then(world: World) -> None:
    world.receiver.will_answer("/", 200, 500)
    async with world.start(retry_schedule="3600") as client:
        path = await endpoint_of(world, client)
        first = await next_webhook(world, "again")
        old = (await revealed(world, client, path))["secret"]
        new = (await rotated(world, client, path, overlap_seconds=0))["secret"]
        await world.rows("UPDATE deliveries SET next_at = now() WHERE lease IS NULL RETURNING id")
        await world.ended(client, 2)
        again = world.receiver.received[-1]
    assert (first.id, first.body) == (again.id, again.body)
    assert [secret_verifies(old, each) for each in (first, again)] == [True, False]
    assert [secret_verifies(new, each) for each in (first, again)] == [False, True]


async def test_rotations_at_the_same_moment_are_done_one_after_the_other(world: World) -> None:
    async with world.start() as client, world.start() as other:
        path = await endpoint_of(world, client)
        old = (await revealed(world, client, path))["secret"]
        answers = await asyncio.gather(
            *(rotated(world, each, path, overlap_seconds=3600) for each in (client, other, client))
        )
        shown = await revealed(world, client, path)
        webhook = await next_webhook(world, "during")
    made = {answer["secret"] for answer in answers}
    signing = {shown["secret"], *(each["secret"] for each in shown["old_secrets"])}
    assert len(made) == 3
    assert signing == {old, *made}
    assert all(secret_verifies(each, webhook) for each in signing)


async def test_too_many_rotations_at_once_are_refused_and_change_nothing(world: World) -> None:
    async with world.start() as client:
        path = await endpoint_of(world, client)
        for _ in range(4):
            last = await rotated(world, client, path)
        refused = await client.post(f"{path}/secret/rotate", headers=world.threepl(), json={})
        shown = await revealed(world, client, path)
        alone = await rotated(world, client, path, overlap_seconds=0)
    assert (refused.status_code, refused.json()["title"]) == (409, "too many secrets")
    assert shown == last
    assert alone["old_secrets"] == []


async def test_what_makes_no_sense_is_refused(world: World) -> None:
    bodies: list[tuple[str, str, Any]] = [
        ("POST", "secret/rotate", {"overlap_seconds": -1}),
        ("POST", "secret/rotate", {"overlap_seconds": 7 * 86_400 + 1}),
        ("POST", "secret/rotate", {"overlap": 0}),
        ("POST", "secret/rotate", {"scheme": "v2"}),
        ("PUT", "signing", {"schemes": []}),
        ("PUT", "signing", {"schemes": ["v1", "v3"]}),
        ("PUT", "signing", {}),
    ]
    async with world.start() as client:
        answers = [
            await client.request(method, f"/endpoints/ep_1/{path}", headers=world.threepl(), json=body)
            for method, path, body in bodies
        ]
    assert [each.status_code for each in answers] == [422] * len(bodies)


async def test_secrets_are_for_the_owners_administrators_and_public_keys_for_all_its_people(
    world: World,
) -> None:
    operator = world.tokens.headers(account_id("operator", 1), "operator")
    lesser = [world.threepl(roles={role}) for role in ("manager", "warehouse", "support")]
    lesser += [world.threepl(scopes={"read"})]
    strangers = [
        world.threepl(2),
        world.threepl(clients={account_id("shop", 9)}),
        world.tokens.headers(SHOP, "shop"),
    ]
    acts: list[tuple[str, str, Any]] = [
        ("GET", "/secret", None),
        ("POST", "/secret/rotate", {}),
        ("PUT", "/signing", {"schemes": ["v1a"]}),
    ]

    async with world.start() as client:
        path = await endpoint_of(world, client)

        async def statuses(who: dict[str, str], *which: tuple[str, str, Any]) -> list[int]:
            tried = [
                await client.request(method, path + end, headers=who, json=body)
                for method, end, body in which
            ]
            assert not any("whsec_" in each.text or "whsk_" in each.text for each in tried)
            return [each.status_code for each in tried]

        before = await revealed(world, client, path)
        reads = ("GET", "/signing", None)
        assert [await statuses(who, *acts) for who in [operator, *lesser]] == [[403, 403, 403]] * 5
        assert [await statuses(who, reads) for who in [operator, *lesser]] == [[200]] * 5
        assert [await statuses(who, reads, *acts) for who in strangers] == [[404, 404, 404, 404]] * 3
        assert await statuses({}, reads, *acts) == [401, 401, 401, 401]
        assert await statuses(world.threepl(scopes={"write"}), *acts) == [403, 403, 403]
        assert await revealed(world, client, path) == before
        assert (await client.get(f"{path}/secret", headers=world.threepl(clients={SHOP}))).status_code == 200


async def test_no_secret_gets_into_logs_messages_or_errors(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    world.receiver.will_answer("/", 200, 500, 410)
    async with world.start() as client:
        path = await endpoint_of(world, client)
        await chosen(world, client, path, "v1", "v1a")
        first = await revealed(world, client, path)
        last = await rotated(world, client, path)
        await world.assign(world.held("failing"))
        await world.announced(1)
        await world.rows("UPDATE endpoints SET secret = 'no token' RETURNING id")
        broken = await client.get(f"{path}/secret", headers=world.threepl())
        await client.post(f"{path}/enable", headers=world.threepl())
        deliveries = await world.ended(client, 2)
        details = [await world.detail(client, each["id"]) for each in deliveries]
        said = [await events(world.servers.bootstrap_servers, world.prefix + "deliveries")]
    out, err = capfd.readouterr()
    stored = await world.rows("SELECT outbox::text FROM outbox")
    assert broken.status_code == 500
    assert "endpoint.secret-rotated" in out
    text = "\n".join([out, err, broken.text, str(details), str(said), str(stored)])
    assert "ORDERDOCK_ENCRYPTION_KEYS: none of its keys opens a stored secret" in text
    for secret in (first["secret"], last["secret"]):
        assert secret.removeprefix("whsec_") not in text
        assert base64.b64decode(secret.removeprefix("whsec_")).hex() not in text
    assert "whsec_" not in text
    assert "whsk_" not in text

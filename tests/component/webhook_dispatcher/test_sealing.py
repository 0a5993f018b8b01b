"""The key ring changes: what an older key stored is stored anew, and a ring that lacks a key is refused."""

from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from shared.encryption import KeyRing, key_id
from shared.errors import SettingsWrong
from tests.component.webhook_dispatcher.conftest import KEY, World
from tests.harness import until
from tests.signatures import verified_by_secret

NEW = Fernet.generate_key().decode()
METRICS = {"metrics_token": SecretStr("metrics")}


async def made(world: World, client: httpx.AsyncClient, count: int = 1) -> dict[str, str]:
    """So many endpoints' secrets, by their ids."""
    await world.assign(*(world.held(str(number), path=f"/{number}") for number in range(count)))
    await world.ended(client, count)
    return {each["id"]: await world.secret(client, each["id"]) for each in await world.endpoints(client)}


async def key_ids(world: World) -> dict[str | None, int]:
    """How many endpoints' secrets each key stored."""
    rows = await world.rows("SELECT key_id, count(*) AS endpoints FROM endpoints GROUP BY key_id")
    return {row.key_id: row.endpoints for row in rows}


async def left(client: httpx.AsyncClient) -> float:
    """How many are left under older keys, as the metrics say it."""
    answer = await client.get("/metrics", headers={"Authorization": "Bearer metrics"})
    lines = [
        line for line in answer.text.splitlines() if line.startswith("orderdock_secrets_under_old_keys ")
    ]
    return float(lines[0].split()[1])


async def refused(world: World, keys: str) -> str:
    """Why it doesn't start with this ring."""
    with pytest.raises(SettingsWrong) as refusal:
        async with world.start(encryption_keys=keys):
            pass
    return str(refusal.value)


async def under_old_key_again(world: World, endpoint_id: str, secret: str) -> None:
    """Stores one secret as a process with the old key in front would."""
    sealed = KeyRing([SecretStr(KEY)]).seal(secret.encode())
    await world.rows(
        "UPDATE endpoints SET secret = :token, key_id = :key_id WHERE id = :id RETURNING id",
        id=endpoint_id,
        token=sealed.token,
        key_id=sealed.key_id,
    )


async def test_with_a_new_key_in_front_all_is_stored_anew_and_the_old_one_can_go(world: World) -> None:
    async with world.start(**METRICS) as client:
        secrets = await made(world, client, 3)
        assert (await key_ids(world), await left(client)) == ({key_id(KEY): 3}, 0)
    async with world.start(encryption_keys=f"{KEY},{NEW}", **METRICS) as client:
        assert (await key_ids(world), await left(client)) == ({key_id(KEY): 3}, 0)
    async with world.start(encryption_keys=f"{NEW},{KEY}", **METRICS) as client:

        async def none_left() -> bool:
            return await left(client) == 0 and await key_ids(world) == {key_id(NEW): 3}

        await until("nothing is left under the old key", none_left)
    assert "lacks keys" in await refused(world, KEY)
    async with world.start(encryption_keys=NEW) as client:
        shown = {id_: await world.secret(client, id_) for id_ in secrets}
        await world.assign(world.held("after", path="/0"))
        await world.ended(client, 4)
    assert shown == secrets
    webhook = world.receiver.received[-1]
    assert any(verified_by_secret(each, webhook.headers, webhook.body) for each in secrets.values())


async def test_of_a_half_rotated_table_every_key_is_needed(world: World) -> None:
    async with world.start(encryption_keys=NEW) as client:
        secrets = await made(world, client, 3)
    middle = sorted(secrets)[1]
    await under_old_key_again(world, middle, secrets[middle])
    assert f"{key_id(KEY)} (1)" in await refused(world, NEW)
    assert f"{key_id(NEW)} (2)" in await refused(world, KEY)
    async with world.start(encryption_keys=f"{NEW},{KEY}") as client:

        async def none_left() -> bool:
            return await key_ids(world) == {key_id(NEW): 3}

        await until("nothing is left under the old key", none_left)
        assert {id_: await world.secret(client, id_) for id_ in secrets} == secrets


async def test_secrets_that_older_code_stored_are_tried_and_get_their_keys_name(world: World) -> None:
    async with world.start() as client:
        secrets = await made(world, client, 3)
    await under_old_key_again(world, sorted(secrets)[1], secrets[sorted(secrets)[1]])
    await world.rows("UPDATE endpoints SET key_id = NULL RETURNING id")
    assert "none of its keys opens a stored secret" in await refused(world, NEW)
    async with world.start(encryption_keys=f"{NEW},{KEY}") as client:

        async def named() -> bool:
            return await key_ids(world) == {key_id(NEW): 3}

        await until("every secret is stored by the new key", named)
        assert {id_: await world.secret(client, id_) for id_ in secrets} == secrets


async def test_many_are_stored_anew_in_batches_while_others_change_theirs(world: World) -> None:
    async with world.start() as client:
        [(endpoint_id, secret)] = (await made(world, client)).items()
    await world.rows(
        """
        INSERT INTO endpoints (id, link_id, url, secret, key_id)
        SELECT 'ep_' || number, link_id, url || number, secret, key_id
        FROM endpoints, generate_series(1, 1000) AS number RETURNING id
        """
    )
    ring: dict[str, Any] = {"encryption_keys": f"{NEW},{KEY}", **METRICS}
    async with world.start(**ring) as client, world.start(**ring) as other:
        changed = await client.post(
            f"/endpoints/{endpoint_id}/secret/rotate", headers=world.threepl(), json={"overlap_seconds": 60}
        )

        async def none_left() -> bool:
            return await key_ids(world) == {key_id(NEW): 1001}

        await until("nothing is left under the old key", none_left)
        answer = await other.get(f"/endpoints/{endpoint_id}/secret", headers=world.threepl())
        shown = [await world.secret(other, f"ep_{number}") for number in (1, 500, 1000)]
    assert answer.json() == changed.json()
    assert [each["secret"] for each in answer.json()["old_secrets"]] == [secret]
    assert shown == [secret] * 3

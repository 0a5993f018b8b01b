"""Paths, queries, methods and tokens that make no sense: refused in words, and no failure of the service."""

import base64
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text

from tests.component.integration.conftest import kind_of
from tests.component.integration.right_calls import faults, let_in
from tests.component.integration.routes import ROWS
from tests.component.integration.scene import Scene, scene_of
from tests.conftest import MakeDatabase
from tests.contract.documents import FOLDER
from tests.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD_PATHS = ("%00", "%FF", "%ED%A0%80", "%E2%80%AE", "%0D%0A", "..%2F..", "x" * 10_000)
BAD_QUERIES = [
    ("/links", {"text": "\0"}),
    ("/links", {"other_side": "\0"}),
    ("/links", {"limit": "1" * 5000}),
    *(("/links", {"cursor": cursor}) for cursor in ("\0", "\u202e", "x" * 5000, "MDAwMS0wMS0wMSB4", "____")),
    ("/directory", {"email": "a\0@shop.example"}),
    ("/directory", {"account_id": "\ud7ff" * 5000}),
    ("/directory", {}),
]
# Headers of access tokens: JSON of which only an object with a text as `kid` is any good.
BAD_TOKENS = {
    "5,000 levels": b"[" * 5000,
    "no object": b"[]",
    "a key id that is no text": b'{"alg": "EdDSA", "kid": {}}',
    "a number of 10,000 digits": b'{"kid": 1' + b"0" * 10_000 + b"}",
    "an unknown critical header": b'{"alg": "EdDSA", "crit": ["x"]}',
    "invalid UTF-8": b'{"kid": "\xff"}',
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(servers: Servers, template: MakeDatabase) -> AsyncIterator[Scene]:
    async with scene_of(servers, template) as made:
        yield made


async def test_a_path_that_makes_no_sense_is_refused_by_every_route(scene: Scene) -> None:
    wrong = []
    for request in await let_in(scene, "GET", "POST", "PUT", "DELETE"):
        for name in ("account_id", "person_id", "key_id", "link_id", "invitation_id", "letter_id"):
            for bad in BAD_PATHS if f"{{{name}}}" in request.row.path else ():
                things = {**scene.tenants.has[request.side], name: bad}
                answer = await request.try_out(url=request.row.path.format_map(things))
                expected = answer.status_code if answer.status_code in (403, 404, 405, 422) else 404
                wrong += faults(answer, expected, f"{request} with {bad[:20]} in {name}")
    assert not wrong, "\n".join(wrong)


async def test_a_query_that_makes_no_sense_is_refused(scene: Scene) -> None:
    for path, query in BAD_QUERIES:
        answer = await scene.tenants.settled["shop"].get(path, **query)
        assert not faults(answer, 422, f"{path} {query}")


async def test_a_method_that_a_path_does_not_take_is_refused_with_those_that_it_does(scene: Scene) -> None:
    client, has = scene.world.client, scene.tenants.has["shop"]
    for path in {row.path for row in ROWS}:
        answer = await client.request("PATCH", path.format_map(has))
        assert (answer.status_code, kind_of(answer)) == (405, "method-not-allowed"), path
        assert set(answer.headers["allow"].split(", ")) >= {row.method for row in ROWS if row.path == path}
        beside = await client.get(path.format_map(has) + "/")
        assert (beside.status_code, kind_of(beside)) == (404, "not-found"), path


async def test_a_token_that_makes_no_sense_is_refused(scene: Scene) -> None:
    wrong = []
    for what, header in BAD_TOKENS.items():
        token = f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.e30.e30"
        for method in ("GET", "POST"):
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "key-1"}
            answer = await scene.world.client.request(method, "/links", headers=headers, json={})
            wrong += faults(answer, 401, f"{method} with {what}")
    assert not wrong, "\n".join(wrong)


async def test_too_many_tries_are_refused_wherever_the_document_says_so_and_nowhere_else(
    scene: Scene,
) -> None:
    paths = json.loads((FOLDER / "integration.openapi.json").read_text())["paths"]
    document = {(method.upper(), path): each for path in paths for method, each in paths[path].items()}
    for call in await let_in(scene, "GET", "POST", "PUT", "DELETE"):
        if call.row.route in document:
            await call.send()
            await run(scene, "UPDATE rate_limits SET count = 2000000000")
            answer = await call.try_out()
            limited = "429" in document[call.row.route]["responses"]
            assert (answer.status_code == 429) == limited, f"{call}: {answer.text}"
            assert ("retry-after" in answer.headers) == limited, str(call)


async def run(scene: Scene, statement: str) -> None:
    async with scene.snapshot.database.transaction() as connection:
        await connection.execute(text(statement))

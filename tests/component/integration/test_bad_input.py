"""Bodies and texts that make no sense: refused in words by every route, and no failure of the service."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping

import pytest
import pytest_asyncio

from integration.oauth import FORM
from tests.component.integration.access import Row
from tests.component.integration.conftest import kind_of
from tests.component.integration.right_calls import faults, let_in
from tests.component.integration.scene import Scene, scene_of
from tests.conftest import MakeDatabase
from tests.contract.documents import FOLDER
from tests.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = "application/json"
DEEP = b"[" * 100_000 + b"]" * 100_000
# What no route takes as its body, and the status of the answer.
NO_BODIES: Mapping[str, tuple[bytes, str, int]] = {
    "no JSON": (b"{", JSON, 400),
    "100,000 levels": (DEEP, JSON, 400),
    "100,000 levels under a field": (b'{"name": ' + DEEP + b"}", JSON, 400),
    "a number of 10,000 digits": (b'{"name": 1' + b"0" * 10_000 + b"}", JSON, 400),
    "invalid UTF-8": (b'{"name": "\xff"}', JSON, 400),
    "cut UTF-16": (b"\xff\xfe\x00", JSON, 400),
    "nothing": (b"", JSON, 422),
    "an array": (b"[]", JSON, 422),
    "a text": (b'"name"', JSON, 422),
    "a number": (b"1", JSON, 422),
    "null": (b"null", JSON, 422),
    "not a number": (b"NaN", JSON, 422),
    "an infinite number": (b'{"name": 1e999}', JSON, 422),
    "a field named by a lone surrogate": (b'{"\\ud800": 1}', JSON, 422),
    "a field named by NUL": (b'{"\\u0000": 1}', JSON, 422),
    "a form": (b"name=a", FORM, 422),
    "JSON that is called text": (b'{"name": "a"}', "text/plain", 422),
    "JSON that is called nothing": (b'{"name": "a"}', "", 422),
    "10 MB": (b" " * 10_000_000, JSON, 413),
}
BAD_TEXTS = {"NUL": "a\0bcdefghij", "a lone surrogate": "a\ud800bcdefghij", "a reversal": "a\u202ebcdefghij"}
# Never shown, so it may hold whatever UTF-8 can.
UNSEEN = {("password", "NUL"), ("password", "a reversal")}
BAD_FORMS: Mapping[str, tuple[bytes, int]] = {
    "no form": (b"\xff\xfe", 400),
    "NUL": (b"grant_type=client_credentials&client_id=key_%00&client_secret=%00", 401),
    "invalid UTF-8": (b"grant_type=client_credentials&client_id=%ff&client_secret=%ed%a0%80", 401),
    "1,000 fields": (b"&".join(b"a%d=1" % number for number in range(1000)), 400),
    "a field twice": (b"grant_type=client_credentials&grant_type=client_credentials", 400),
    "10 MB": (b"a" * 10_000_000, 413),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(servers: Servers, template: MakeDatabase) -> AsyncIterator[Scene]:
    async with scene_of(servers, template) as made:
        yield made


async def test_a_body_that_makes_no_sense_is_refused_by_every_route(scene: Scene) -> None:
    wrong = []
    for what, (content, content_type, status) in NO_BODIES.items():
        for number, request in enumerate(await let_in(scene, "POST", "PUT")):
            for key in ({}, {"Idempotency-Key": f"{what} {number}"}):
                answer = await request.try_out(content=content, headers={"Content-Type": content_type, **key})
                if request.row.body is not None or status == 413:
                    wrong += faults(answer, status, f"{request} with {what} {key}")
                elif answer.status_code != 200:
                    wrong.append(f"{request}, which reads no body, with {what} {key}: {answer.text}")
    assert not wrong, "\n".join(wrong)


def texts(row: Row) -> Iterator[tuple[str, bool]]:
    """The text fields of the route's body by its document, and whether they hold several texts."""
    document = json.loads((FOLDER / "integration.openapi.json").read_text())
    body = document["paths"][row.path][row.method.lower()]["requestBody"]["content"][JSON]["schema"]
    for name, field in document["components"]["schemas"][body["$ref"].rpartition("/")[2]][
        "properties"
    ].items():
        for kind in field.get("anyOf", [field]):
            several = kind.get("type") == "array"
            text = kind["items"] if several else kind
            if text.get("type") == "string" and "enum" not in text:
                yield name, several


async def test_a_text_that_controls_or_reorders_is_refused_in_every_field(scene: Scene) -> None:
    wrong, seen = [], set()
    for request in await let_in(scene, "POST", "PUT"):
        for name, several in texts(request.row) if request.row.body is not None else ():
            for what, bad in BAD_TEXTS.items():
                if (name, what) not in UNSEEN:
                    body = {**request.body(), name: [bad] if several else bad}
                    content = json.dumps(body).encode()
                    answer = await request.try_out(content=content, headers={"Content-Type": JSON})
                    wrong += faults(answer, 422, f"{request} with {what} in {name}")
                    seen.add(name)
    assert not wrong, "\n".join(wrong)
    assert seen >= {
        "name",
        "email",
        "person_name",
        "password",
        "token",
        "refresh_token",
        "webhook_url",
        "clients",
    }


async def test_a_text_that_controls_or_reorders_is_refused_in_a_rule(scene: Scene) -> None:
    request = next(each for each in await let_in(scene, "PUT") if each.row.path == "/links/{link_id}/rules")
    for bad in BAD_TEXTS.values():
        for condition in (
            {"field": "sku", "operator": "in", "value": ["A", bad]},
            {"field": "postcode", "operator": "prefix", "value": bad},
            {"field": "total", "operator": "at_least", "value": bad},
            {"field": "total", "operator": "at_least", "value": "1", "currency": bad},
            {"field": bad, "operator": "at_least", "value": "1"},
        ):
            content = json.dumps({"rules": [{"conditions": [condition]}]}).encode()
            answer = await request.try_out(content=content, headers={"Content-Type": JSON})
            assert not faults(answer, 422, str(condition))


async def test_of_a_field_that_is_given_twice_the_last_one_counts(scene: Scene) -> None:
    for request in await let_in(scene, "POST", "PUT"):
        if request.row.body:
            body = request.body()
            twice = ", ".join(
                f"{json.dumps(name)}: 0, {json.dumps(name)}: {json.dumps(value)}"
                for name, value in body.items()
            )
            answer = await request.try_out(content=f"{{{twice}}}".encode(), headers={"Content-Type": JSON})
            assert answer.status_code == request.by.expected(request.row), f"{request}: {answer.text}"


async def test_a_form_that_makes_no_sense_gets_no_token_and_is_told_so_in_oauths_words(scene: Scene) -> None:
    for what, (content, status) in BAD_FORMS.items():
        answer = await scene.world.client.post(
            "/oauth/token", content=content, headers={"Content-Type": FORM}
        )
        assert answer.status_code == status, f"{what}: {answer.text}"
        if status == 413:
            assert kind_of(answer) == "body-too-large"
        else:
            assert answer.json().keys() == {"error", "error_description"}
    answer = await scene.world.client.post("/oauth/token", content=DEEP, headers={"Content-Type": JSON})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

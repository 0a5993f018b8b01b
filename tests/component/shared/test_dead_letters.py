"""Dead letters: listed and looked into, by operators alone."""

import base64
from datetime import datetime
from typing import Any

import pytest

from shared.kafka.records import Record
from tests.builders import NOW
from tests.component.shared.letters import OLD, Office, message


async def test_letters_are_listed_newest_first_in_pages(desk: Office) -> None:
    ids = await desk.keep(*(message(offset) for offset in range(5)))
    first = (await desk.get(limit=2)).json()
    second = (await desk.get(limit=2, cursor=first["next_cursor"])).json()
    last = (await desk.get(limit=2, cursor=second["next_cursor"])).json()
    pages = [[letter["id"] for letter in page["dead_letters"]] for page in (first, second, last)]
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    assert last["next_cursor"] is None
    for bad in {"cursor": "x"}, {"cursor": 0}, {"limit": 201}, {"topic": "a b"}, {"reason": "\0"}:
        assert (await desk.get(**bad)).status_code == 422, bad


async def test_letters_are_found_by_topic_reason_and_whether_they_wait(desk: Office) -> None:
    one, two = await desk.keep(message(0), message(1, topic="orders.created"))
    [other] = await desk.keep(message(2), reason="No CloudEvent: 100% wrong_")
    await desk.put_back(one)
    assert await desk.ids() == [other, two]
    assert await desk.ids(state="put_back") == [one]
    assert await desk.ids(state="all") == [other, two, one]
    assert await desk.ids(topic="orders.created") == [two]
    assert await desk.ids(topic="t", state="all", reason="cloudevent") == [other]
    assert await desk.ids(reason="100% wrong_") == [other]
    assert await desk.ids(reason="1__%") == []


async def test_a_letter_shows_its_place_and_its_bytes(desk: Office) -> None:
    record = message(7, b"\xff\x00", key="Schlüssel".encode(), headers={"ce_id": b"1", "odd": b"\xff"})
    [letter_id] = await desk.keep(record)
    shown = (await desk.get(f"/{letter_id}")).json()
    assert (shown["topic"], shown["partition"], shown["offset"]) == ("t", 2, 7)
    assert datetime.fromisoformat(shown["timestamp"]) == NOW
    assert shown["value"] == {"base64": base64.b64encode(b"\xff\x00").decode(), "text": None}
    assert shown["key"]["text"] == "Schlüssel"
    assert [(each["name"], each["text"]) for each in shown["headers"]] == [("ce_id", "1"), ("odd", None)]
    assert (shown["size"], shown["whole"], shown["put_back_at"]) == (2, True, None)
    assert (await desk.get("/4711")).status_code == 404
    assert (await desk.get("/x")).status_code == 422


@pytest.mark.parametrize("kind", ["shop", "threepl"])
async def test_nobody_but_operators_sees_letters(desk: Office, kind: Any) -> None:
    [letter_id] = await desk.keep(message())
    for method, path in _calls(letter_id):
        body = {"ids": [letter_id]} if method == "POST" else None
        nobody = await desk.client.request(method, path, json=body)
        answer = await desk.client.request(method, path, json=body, headers=desk.as_who(kind))
        assert (nobody.status_code, answer.status_code) == (401, 403), path
    assert desk.handler.seen == []


async def test_an_operator_needs_the_scope_and_to_put_back_the_role(desk: Office) -> None:
    [letter_id] = await desk.keep(message())

    async def answers(**claims: Any) -> list[int]:
        headers = desk.as_who(**claims)
        made = [
            await desk.client.request(method, path, headers=headers, json={"ids": [letter_id]})
            for method, path in _calls(letter_id)
        ]
        return [answer.status_code for answer in made]

    assert await answers(scopes={"write"}, roles=set()) == [403, 403, 403, 403]
    assert await answers(scopes={"read"}) == [200, 200, 403, 403]
    assert await answers(roles={"support"}) == [200, 200, 403, 403]
    assert await answers(roles={"manager"}) == [200, 200, 200, 200]


def _calls(letter_id: int) -> list[tuple[str, str]]:
    one = f"/dead-letters/{letter_id}"
    return [
        ("GET", "/dead-letters"),
        ("GET", one),
        ("POST", f"{one}/put-back"),
        ("POST", "/dead-letters/put-back"),
    ]


async def test_what_older_code_keeps_on_the_new_tables_can_be_put_back(desk: Office) -> None:
    async with desk.database.transaction() as connection:
        await connection.execute(OLD)
    [letter] = (await desk.get()).json()["dead_letters"]
    assert (await desk.put_back(letter["id"])).status_code == 200
    received = datetime.fromisoformat(letter["received_at"])
    assert desk.handler.seen == [Record("t", 2, 7, None, b"{", {"content-type": b"text/plain"}, received)]

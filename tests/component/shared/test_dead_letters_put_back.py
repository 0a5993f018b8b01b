"""Dead letters are put back: handled again as the records they were, each once, or kept with a new reason."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from shared.database import Database
from tests.component.shared.letters import Office, message, office
from tests.servers import Servers

TOO_LARGE = 256 * 1024 + 1


def kind_of(answer: httpx.Response) -> str:
    """The name of the problem that was answered."""
    return str(answer.json()["type"]).rpartition("/")[2]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"value": None, "key": None},
        {"value": b"", "key": b""},
        {"headers": {"ce_id": b"\xff\xfe", "a\0b": b"\0", "empty": b"", "ü": "ü".encode()}},
        {"timestamp": datetime(1970, 1, 1, tzinfo=UTC)},
        {"timestamp": datetime.max.replace(tzinfo=UTC)},
    ],
)
async def test_a_letter_is_handled_again_as_the_record_it_was(desk: Office, changes: dict[str, Any]) -> None:
    record = message(7, **changes)
    [letter_id] = await desk.keep(record)
    assert (await desk.get(f"/{letter_id}")).status_code == 200
    answer = await desk.put_back(letter_id)
    assert (answer.status_code, answer.json()["put_back_at"] is None) == (200, False)
    [seen] = desk.handler.seen
    assert abs(seen.timestamp - record.timestamp) <= timedelta(microseconds=1)
    assert replace(seen, timestamp=record.timestamp) == record
    assert await desk.handled() == ["t/2/7"]


async def test_a_letter_is_put_back_once(desk: Office) -> None:
    [letter_id] = await desk.keep(message())
    first, again = await desk.put_back(letter_id), await desk.put_back(letter_id)
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await desk.handled(), desk.handler.said) == (["t/2/0"], [1])


async def test_of_two_who_put_it_back_at_once_one_does(desk: Office) -> None:
    [letter_id] = await desk.keep(message())
    answers = await asyncio.gather(*(desk.put_back(letter_id) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["put_back_at"] for answer in answers}) == 1
    assert (await desk.handled(), desk.handler.said) == (["t/2/0"], [1])


async def test_no_offset_moves(desk: Office) -> None:
    [letter_id] = await desk.keep(message(7))
    await desk.put_back(letter_id)
    async with desk.database.transaction() as connection:
        assert list(await connection.execute(text("SELECT * FROM consumer_offsets"))) == []


async def test_what_is_refused_again_waits_on_with_the_new_reason(desk: Office) -> None:
    [letter_id] = await desk.keep(message(), reason="yesterday's reason")
    desk.handler.refuses = "today's\0reason"
    answer = await desk.put_back(letter_id)
    assert (answer.status_code, kind_of(answer)) == (422, "dead-letter-refused")
    assert "today's" in answer.json()["reason"]
    [letter] = (await desk.get()).json()["dead_letters"]
    assert (letter["id"], letter["reason"], letter["put_back_at"]) == (letter_id, "today's\\x00reason", None)
    assert (await desk.handled(), desk.handler.said) == ([], [])
    desk.handler.refuses = None
    assert (await desk.put_back(letter_id)).status_code == 200


async def test_what_breaks_the_handler_waits_on_and_what_was_written_is_undone(desk: Office) -> None:
    [letter_id] = await desk.keep(message())
    desk.handler.fails = ValueError("this record breaks the handler")
    answer = await desk.put_back(letter_id)
    assert (answer.status_code, kind_of(answer)) == (422, "dead-letter-refused")
    assert answer.json()["reason"] == "handling it failed: ValueError: this record breaks the handler"
    assert (await desk.ids(reason="breaks the handler"), await desk.handled()) == ([letter_id], [])


async def test_what_fails_for_a_passing_reason_is_to_be_tried_again(desk: Office) -> None:
    first, second = await desk.keep(message(0), message(1))
    desk.handler.fails = ConnectionRefusedError("the database is away")
    answer = await desk.put_back(first)
    assert (answer.status_code, kind_of(answer)) == (503, "unavailable")
    many = (await desk.put_back_many(ids=[first, second])).json()["outcomes"]
    assert [each["problem"]["status"] for each in many] == [503, 503]
    assert len(desk.handler.seen) == 2  # once it was away, the second was not tried
    assert (await desk.ids(reason="no JSON"), await desk.handled()) == ([second, first], [])


async def test_a_letter_of_which_only_a_part_was_kept_stays(desk: Office) -> None:
    [letter_id] = await desk.keep(message(0, b"x" * TOO_LARGE))
    answer = await desk.put_back(letter_id)
    assert (answer.status_code, kind_of(answer)) == (409, "dead-letter-cut")
    assert answer.json()["detail"].startswith("Only the first 262144 of its 262145 bytes were kept")
    shown = (await desk.get(f"/{letter_id}")).json()
    assert (shown["size"], shown["whole"], len(shown["value"]["text"])) == (TOO_LARGE, False, 256 * 1024)
    assert desk.handler.seen == []


async def test_a_letter_of_a_topic_that_is_read_no_more_stays(desk: Office) -> None:
    [letter_id] = await desk.keep(message(0, topic="orders.a.b"))
    answer = await desk.put_back(letter_id)
    assert (answer.status_code, kind_of(answer)) == (409, "dead-letter-unread")


async def test_a_letter_waits_while_the_gate_of_its_consumer_is_closed(
    servers: Servers, database: Database
) -> None:
    gate = {"open": False}
    async with office(servers, database, gate=lambda: gate["open"], doubt="the links are old") as desk:
        held, free = await desk.keep(message(0), message(1, topic="orders.created"))
        answer = await desk.put_back(held)
        many = (await desk.put_back_many(ids=[held, free])).json()["outcomes"]
        gate["open"] = True
        assert (await desk.put_back(held)).status_code == 200
    assert (answer.status_code, kind_of(answer)) == (503, "dead-letter-held")
    assert "the links are old" in answer.json()["detail"]
    assert [each["problem"] is None for each in many] == [False, True]


async def test_many_are_put_back_each_with_its_outcome(desk: Office) -> None:
    good, cut = await desk.keep(message(0), message(1, b"x" * TOO_LARGE))
    answer = await desk.put_back_many(ids=[4711, cut, good, good])
    assert (answer.status_code, answer.json()["next_after"]) == (200, None)
    outcomes = answer.json()["outcomes"]
    assert [each["id"] for each in outcomes] == [good, cut, 4711]
    assert outcomes[0]["dead_letter"]["put_back_at"] is not None
    assert [each["problem"]["status"] for each in outcomes[1:]] == [409, 404]
    assert await desk.handled() == ["t/2/0"]


async def test_the_oldest_that_a_filter_finds_are_put_back_first(desk: Office) -> None:
    ids = await desk.keep(*(message(offset) for offset in range(4)))
    await desk.keep(message(9), reason="another")
    await desk.put_back(ids[0])
    first = (await desk.put_back_many(topic="t", reason="JSON", limit=2)).json()
    assert ([each["id"] for each in first["outcomes"]], first["next_after"]) == (ids[1:3], ids[2])
    rest = (await desk.put_back_many(topic="t", reason="JSON", limit=2, after=ids[2])).json()
    assert ([each["id"] for each in rest["outcomes"]], rest["next_after"]) == (ids[3:], None)
    assert await desk.handled() == [f"t/2/{offset}" for offset in range(4)]
    assert (await desk.put_back_many(topic="nothing")).json() == {"outcomes": [], "next_after": None}


@pytest.mark.parametrize(
    "wanted",
    [{}, {"ids": [1], "topic": "t"}, {"ids": []}, {"ids": ["1"]}, {"ids": [0]}, {"ids": [2**63]},
     {"ids": list(range(1, 1002))}, {"topic": "a b"}, {"reason": ""}, {"reason": "\u202e"}, {"all": True},
     {"topic": "t", "limit": 1001}, {"topic": "t", "after": -1}],
)  # fmt: skip
async def test_a_choice_that_makes_no_sense_is_refused(desk: Office, wanted: dict[str, Any]) -> None:
    assert (await desk.put_back_many(**wanted)).status_code == 422

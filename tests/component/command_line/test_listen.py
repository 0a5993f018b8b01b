"""`orderdock listen` as an engineer of a 3PL runs it: what it verifies, answers and says of webhooks."""

import json
import signal
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.builders import SHOP
from tests.component.command_line.listener import (
    BODY,
    NEW_SECRET,
    PRIVATE_KEY,
    PUBLIC_KEY,
    SECRET,
    failing,
    listening,
)
from webhook_dispatcher import signing

ORDER = f"{SHOP}/1001"
HOW = "sequence 1  open, with the 3PL  msg_1"


async def test_a_verified_webhook_is_shown_in_a_line_and_answered_200() -> None:
    async with listening("--secret", SECRET) as listener:
        answer = await listener.send(SECRET)
        line = await listener.line()
        code, rest, error = await listener.end()
    assert answer.status_code == 200
    assert line.split("  ")[1:] == [
        "verified (v1)",
        "order.created",
        ORDER,
        *HOW.split("  "),
        "answered 200",
    ]
    assert (code, error) == (0, "")
    assert rest == "Webhooks received: 1. Verified: 1, of them repeats: 0. Not verified: 0.\n"


async def test_a_test_event_which_is_of_no_order_is_shown_too() -> None:
    said = {"type": "webhook.test", "timestamp": "2026-11-23T12:00:00Z", "data": {"endpoint_id": "ep_1"}}
    async with listening("--secret", SECRET) as listener:
        await listener.send(SECRET, content=json.dumps(said).encode())
        line = await listener.line()
    assert line.split("  ")[1:] == ["verified (v1)", "webhook.test", "msg_1", "answered 200"]


async def test_what_is_not_verified_is_answered_401_and_both_sides_are_told_why() -> None:
    async with listening("--secret", SECRET) as listener:
        for send, why in (
            (listener.send(NEW_SECRET), "none of the keys here made its signature, or its body was changed"),
            (listener.send(SECRET, webhook_id="msg_2"), "none of the keys here made its signature"),
            (listener.send(SECRET, age=301), "its webhook-timestamp is 301 s old; 300 s are the most"),
            (listener.send(SECRET, age=-400), " s ahead of the clock here; 300 s are the most"),
            (listener.send(SECRET, webhook_timestamp="noon"), "is no number of seconds since 1970"),
            (listener.send(SECRET, webhook_timestamp="9" * 30), "is no number of seconds since 1970"),
            (listener.send(SECRET, webhook_signature=""), "it has no header webhook-signature"),
            (listener.send(SECRET, webhook_signature="v1"), "none of the keys here"),
            (listener.send(SECRET, webhook_signature="\xff,AAAA"), "names neither v1 nor v1a"),
            (listener.send(PRIVATE_KEY), "it is signed by v1a, which no key here is for"),
            (listener.send(SECRET, content=b"\xff"), "none of the keys here"),
        ):
            answer = await send
            line = await listener.line()
            assert answer.status_code == 401, why
            assert why in answer.text
            assert "NOT VERIFIED: " in line
            assert why in line
        _, rest, _ = await listener.end(signal.SIGTERM)
    assert rest == "Webhooks received: 11. Verified: 0, of them repeats: 0. Not verified: 11.\n"


async def test_during_a_rotation_either_secret_verifies_and_a_public_key_does_as_well() -> None:
    both = f"{SECRET} {NEW_SECRET}"
    async with listening("--public-key", PUBLIC_KEY, ORDERDOCK_WEBHOOK_SECRET=both) as listener:
        for keys, verified in (
            ((NEW_SECRET, SECRET), "verified (v1)"),
            ((SECRET,), "verified (v1)"),
            ((NEW_SECRET,), "verified (v1)"),
            ((signing.private_key(b"d" * 32), PRIVATE_KEY), "verified (v1a)"),
            ((SECRET, PRIVATE_KEY), "verified (v1, v1a)"),
        ):
            assert (await listener.send(*keys)).status_code == 200
            assert verified in await listener.line()
        assert (await listener.send(signing.private_key(b"d" * 32))).status_code == 401
        bent = (await listener.send(PRIVATE_KEY, webhook_signature="v1a,AAAA v1a,? v1a")).status_code
    assert bent == 401


async def test_a_webhook_that_comes_again_is_said_to_and_answered_200_too() -> None:
    async with listening("--secret", SECRET) as listener:
        await listener.send(NEW_SECRET)
        answers = [await listener.send(SECRET) for _ in range(3)]
        unverified, first, second, third = await listener.lines(4)
        _, rest, _ = await listener.end()
    assert [answer.status_code for answer in answers] == [200] * 3
    assert [line.rpartition("  ")[2] for line in (unverified, first, second, third)] == [
        "answered 401",
        "answered 200",
        "again (time 2), answered 200",
        "again (time 3), answered 200",
    ]
    assert rest == "Webhooks received: 4. Verified: 3, of them repeats: 2. Not verified: 1.\n"


async def test_it_answers_as_it_is_told() -> None:
    async with listening("--secret", SECRET, "--answer", "503", "--retry-after", "30") as listener:
        refused = await listener.send(SECRET)
        unverified = await listener.send(NEW_SECRET)
        lines = await listener.lines(2)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
    assert (unverified.status_code, "retry-after" in unverified.headers) == (401, False)
    assert [line.rpartition(" ")[2] for line in lines] == ["503", "401"]


async def test_each_webhook_is_one_json_object_a_line() -> None:
    async with listening("--secret", SECRET, "--json", "--body") as listener:
        await listener.send(SECRET)
        await listener.send(NEW_SECRET, content=b"no JSON")
        taken, refused = map(json.loads, await listener.lines(2))
        code, rest, error = await listener.end()
    assert abs(datetime.fromisoformat(taken.pop("received_at")) - datetime.now(UTC)) < timedelta(minutes=5)
    assert taken == {
        "webhook_id": "msg_1",
        "verified": True,
        "schemes": ["v1"],
        "reason": None,
        "times": 1,
        "repeat": False,
        "answered": 200,
        "type": "order.created",
        "shop_id": SHOP,
        "order_id": "1001",
        "sequence": 1,
        "stage": "open",
        "holder": "threepl",
        "body": json.loads(BODY),
    }
    assert (refused["verified"], refused["order_id"], refused["body"]) == (False, None, "no JSON")
    assert refused["reason"].startswith("none of the keys here")
    assert (code, rest) == (0, "")
    assert error == "Webhooks received: 2. Verified: 1, of them repeats: 0. Not verified: 1.\n"


async def test_the_whole_body_is_shown_and_nothing_in_it_passes_for_what_the_listener_says() -> None:
    hostile = {"type": "\x1b[2Jx\n12:00:00  verified (v1)", "data": {"id": "\ud800" * 200}, "assignment": []}
    async with listening("--secret", SECRET, "--body") as listener:
        await listener.send(SECRET, content=json.dumps(hostile).encode())
        line = await listener.line()
        await listener.send(SECRET, content=b"[" * 100_000, webhook_id="a\xffb")
        await listener.send(SECRET, content=b"a\n12:00:00  verified (v1)")
        await listener.send(SECRET)
        _, rest, _ = await listener.end()
    assert line.split("  ")[2:4] == ["\ufffd[2Jx 12:00:00 verified (v1)", "?" * 80 + " …"]
    shown = rest.splitlines()
    said = [each for each in shown if not each.startswith("    ")]
    assert [each.partition("  ")[2].partition(":")[0] for each in said[:-1]] == [
        "NOT VERIFIED",
        "verified (v1)  no type  msg_1  again (time 2), answered 200",
        f"verified (v1)  order.created  {ORDER}  {HOW}  again (time 3), answered 200",
    ]
    assert '            "sku": "MUG",' in shown
    assert "    12:00:00  verified (v1)" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 1, "Say what verifies webhooks: --endpoint"),
        (["--secret", "secret"], 2, "does not begin with whsec_"),
        (["--secret", "whsec_"], 2, "holds 0 bytes after whsec_"),
        (["--secret", "whsec_*"], 2, "has something other than base64 after"),
        (["--public-key", SECRET], 2, "does not begin with whpk_"),
        (["--public-key", "whpk_AAAA"], 2, "holds 3 bytes after whpk_"),
        (["--secret", SECRET, "--answer", "100"], 2, "--answer"),
    ],
)
async def test_a_listener_that_could_verify_nothing_does_not_start(
    arguments: list[str], code: int, sentence: str
) -> None:
    ended, error = await failing(*arguments)
    assert ended == code
    assert sentence in " ".join(error.replace("│", " ").split())


async def test_a_port_that_is_taken_is_named() -> None:
    async with listening("--secret", SECRET) as listener:
        port = str(httpx.URL(listener.url).port)
        code, error = await failing("--secret", SECRET, "--port", port)
    assert code == 1
    assert error.startswith(f"Nothing can listen on port {port} of 127.0.0.1 (")

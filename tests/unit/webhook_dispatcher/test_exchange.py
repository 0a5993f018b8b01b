"""One exchange through any transport: what is sent, what is kept of the answer, what counts as an error."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
from aiohttp.http_exceptions import HttpProcessingError

from webhook_dispatcher import signing
from webhook_dispatcher.answers import Answer
from webhook_dispatcher.exchange import KEPT_BYTES, exchange, webhook_request

SECRET = signing.secret(b"k" * 24)
REQUEST = webhook_request("https://3pl.example/hook", "msg_1", b"{}", SECRET, datetime.now(UTC))


class Endless(httpx.AsyncByteStream):
    """A body without an end, of `pause` seconds before each byte of it."""

    def __init__(self, pause: float = 0) -> None:
        self.pause = pause
        self.given = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(self.pause)
            self.given += 1000
            yield b"x" * 1000

    async def aclose(self) -> None:
        self.closed = True


def answering(response: httpx.Response) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: response)


async def test_a_status_with_its_body_and_retry_after_is_an_answer() -> None:
    response = httpx.Response(503, headers={"Retry-After": "3"}, text="later")
    answer = await exchange(answering(response), REQUEST, 5)
    assert (answer.status, answer.retry_after, answer.body, answer.error) == (503, "3", b"later", None)


async def test_of_an_endless_body_the_first_16_kib_are_read() -> None:
    body = Endless()
    answer = await exchange(answering(httpx.Response(200, stream=body)), REQUEST, 5)
    assert (answer.status, len(answer.body), answer.error) == (200, KEPT_BYTES, None)
    assert body.given < KEPT_BYTES + 1000
    assert body.closed


async def test_a_dripping_body_ends_at_the_deadline_and_the_status_counts() -> None:
    body = Endless(pause=0.05)
    answer = await exchange(answering(httpx.Response(200, stream=body)), REQUEST, 0.2)
    assert answer.status == 200
    assert answer.error == "the answer was not complete within 0.2 s"
    assert 0 < len(answer.body) < KEPT_BYTES
    assert body.closed


async def test_an_endpoint_that_never_answers_is_an_error_at_the_deadline() -> None:
    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    answer = await exchange(httpx.MockTransport(hang), REQUEST, 0.05)
    assert (answer.status, answer.error) == (None, "the answer was not complete within 0.05 s")


async def test_what_the_transport_raises_is_an_error_in_words_that_can_be_stored() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no\x00 route \ud800") from OSError("no\x00 route \ud800")

    answer = await exchange(httpx.MockTransport(fail), REQUEST, 5)
    assert answer.error == "OSError: no\\x00 route ?"


async def test_what_the_parser_says_is_one_line_without_the_status_it_makes_up() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise HttpProcessingError(message="Bad status line:\n\n  b'SSH'\n  ^")

    answer = await exchange(httpx.MockTransport(fail), REQUEST, 5)
    assert answer == Answer(error="HttpProcessingError: Bad status line: b'SSH' ^")


def test_the_request_says_whose_it_is_and_asks_for_a_plain_answer() -> None:
    assert REQUEST.headers["content-type"] == "application/json"
    assert REQUEST.headers["accept-encoding"] == "identity"
    assert REQUEST.headers["content-length"] == "2"
    assert "cookie" not in REQUEST.headers

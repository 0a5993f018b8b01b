"""One webhook sent and its answer heard, under one deadline."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version

import httpx

from shared.egress import Network, url_refusal
from shared.encryption import KeyRing
from webhook_dispatcher import signing
from webhook_dispatcher.answers import Answer
from webhook_dispatcher.claims import Attempt, Claim
from webhook_dispatcher.keychains import Keychain

KEPT_BYTES = 16 * 1024
MOST_REMEMBERED = 10_000  # endpoints
USER_AGENT = f"Orderdock/{version('orderdock')}"


@dataclass(frozen=True)
class Egress:
    """Where webhooks may go: https only unless `allow_http`, public addresses and the allowed networks."""

    allow_http: bool
    networks: Sequence[Network]

    def refusal(self, url: str) -> str | None:
        """Why nothing goes to this URL, as far as that shows without a look-up."""
        return url_refusal(url, allow_http=self.allow_http, allowed=self.networks)


class Sender:
    """Signs and posts claims through `transport`; whatever goes wrong is an answer too."""

    def __init__(
        self, transport: httpx.AsyncBaseTransport, keys: KeyRing, egress: Egress, deadline: float
    ) -> None:
        self._transport = transport
        self._refusal = lru_cache(maxsize=MOST_REMEMBERED)(egress.refusal)
        self._deadline = deadline
        self._secret = lru_cache(maxsize=MOST_REMEMBERED)(lambda stored: keys.decrypt(stored).decode())

    async def attempt(self, claim: Claim) -> Attempt:
        """One POST of a claim to its endpoint's URL, signed with its stored secret."""
        started_at, start = datetime.now(UTC), time.monotonic()
        answer = await self._answer(claim, started_at)
        return Attempt(started_at, round((time.monotonic() - start) * 1000), answer)

    async def _answer(self, claim: Claim, now: datetime) -> Answer:
        refusal = self._refusal(claim.url)
        if refusal is not None:
            return Answer(error=f"nothing is sent to this URL: {refusal}")
        try:
            request = webhook_request(
                claim.url, claim.webhook_id, claim.body, self._secret(claim.secret), now
            )
        except Exception as error:
            return Answer(error=f"nothing is sent: {_named(error)}")
        return await exchange(self._transport, request, self._deadline)


def webhook_request(url: str, webhook_id: str, body: bytes, secret: str, now: datetime) -> httpx.Request:
    """The POST of one body, signed with what signs now: `secret` is a keychain's text."""
    headers = {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "accept-encoding": "identity",
        **signing.headers(Keychain.read(secret).signing(now), webhook_id, int(now.timestamp()), body),
    }
    return httpx.Request("POST", _parsed(url), headers=headers, content=body)


_parsed = lru_cache(maxsize=MOST_REMEMBERED)(httpx.URL)


async def exchange(transport: httpx.AsyncBaseTransport, request: httpx.Request, deadline: float) -> Answer:
    """The answer to a request, its body included, within `deadline` seconds; never raises.

    Once a status is there it counts, even if the body then breaks off; of that no more is read than is kept.
    """
    answer = Answer()
    try:
        async with (
            asyncio.timeout(deadline),
            aclosing(await transport.handle_async_request(request)) as response,
        ):
            answer = Answer(response.status_code, response.headers.get("retry-after"))
            assert isinstance(response.stream, httpx.AsyncByteStream)
            async for chunk in response.stream:
                answer = replace(answer, body=(answer.body + chunk)[:KEPT_BYTES])
                if len(answer.body) == KEPT_BYTES:
                    break
    except TimeoutError:
        return replace(answer, error=f"the answer was not complete within {deadline:g} s")
    except Exception as error:
        return replace(answer, error=_named(error))
    return answer


def _named(error: Exception) -> str:
    """What went wrong, in the words of the library that saw it first."""
    cause = error.__cause__ or error
    # What aiohttp's parser raises calls itself a status of 400, which the endpoint never said.
    said = getattr(cause, "message", cause)
    return _storable(f"{type(cause).__name__}: {' '.join(str(said).split())}")


def _storable(said: str) -> str:
    """PostgreSQL's text holds no NUL and no lone surrogates."""
    return said.encode("utf-8", "replace").decode().replace("\x00", "\\x00")[:1000]

"""One account's calls to the services' APIs, under an access token that is renewed by itself."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import jwt

from deploy.local.errors import PlatformError

RENEW_BEFORE = 60.0
RETRY_WAITS = (0.5, 2.0)  # seconds before a call that may be repeated is tried again
REPEATABLE = ("GET", "POST")  # a POST by its Idempotency-Key
BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError)

Take = Callable[[bytes], object]
STREAMING = httpx.Timeout(30, read=120)  # seconds; between two pieces a search may look at many orders


class BrokenOff(PlatformError):
    """An answer began and did not come to its end."""


class Api:
    """Calls `integration`, `order-router` and `webhook-dispatcher` for who holds the API key, or nobody."""

    def __init__(self, urls: Mapping[str, str], client_id: str = "", client_secret: str = "") -> None:
        self._urls = urls
        self._key = (client_id, client_secret)
        self._client = httpx.AsyncClient(timeout=30, trust_env=False)
        self._token = ""
        self._renew_at = 0.0

    async def close(self) -> None:
        await self._client.aclose()

    async def call(
        self, method: str, service: str, path: str, body: Any = None, version: int | None = None, **query: Any
    ) -> Any:
        """The JSON answer; raises `PlatformError` with the problem's own words if it is none.

        A change with a `version` is refused if what it changes has another one by now.
        """
        headers = await self._authorization()
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        url = self._urls[service] + path
        given = {name: value for name, value in query.items() if value is not None}
        answer = await self._request(method, url, json=body, params=given, headers=headers)
        return _checked(f"{method} {path}", answer)

    async def get(self, service: str, path: str, **query: Any) -> Any:
        return await self.call("GET", service, path, **query)

    async def post(self, service: str, path: str, body: Any = None) -> Any:
        return await self.call("POST", service, path, body)

    async def put(self, service: str, path: str, body: Any) -> Any:
        return await self.call("PUT", service, path, body)

    async def pages(self, service: str, path: str, **query: Any) -> AsyncIterator[dict[str, Any]]:
        """Every entry of a list, page by page; a page names its entries as its path does."""
        noun = path.rpartition("/")[2].replace("-", "_")
        cursor = None
        while True:
            page = await self.get(service, path, cursor=cursor, **{"limit": 200, **query})
            for entry in page[noun]:
                yield entry
            cursor = page["next_cursor"]
            if cursor is None:
                return

    async def stream(
        self, method: str, service: str, path: str, take: Take, body: Any = None, **query: Any
    ) -> None:
        """Hands each piece of the answer to `take`; raises `PlatformError`, `BrokenOff` once it has begun."""
        url, begun = self._urls[service] + path, False
        given = {name: value for name, value in query.items() if value is not None}
        request = {"json": body, "params": given, "headers": await self._authorization()}
        try:
            async with self._client.stream(method, url, timeout=STREAMING, **request) as answer:
                if not answer.is_success:
                    await answer.aread()
                    _checked(f"{method} {path}", answer)
                begun = True
                async for piece in answer.aiter_bytes():
                    take(piece)
        except httpx.TransportError as error:
            if begun:
                raise BrokenOff(f"The answer broke off ({error or type(error).__name__}).") from error
            raise _unreached(url, error, in_doubt=False) from error

    async def account(self) -> str:
        """The id of the account that the key is of, as its access token claims it."""
        claims = jwt.decode(await self._access_token(), options={"verify_signature": False})
        return str(claims["account"])

    async def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self._access_token()}"} if any(self._key) else {}

    async def _access_token(self) -> str:
        if time.monotonic() >= self._renew_at:
            form = {"grant_type": "client_credentials"}
            url = self._urls["integration"] + "/oauth/token"
            answer = await self._request("POST", url, data=form, auth=self._key)
            token = _checked("POST /oauth/token", answer)
            self._token = token["access_token"]
            self._renew_at = time.monotonic() + token["expires_in"] - RENEW_BEFORE
        return self._token

    async def _request(self, method: str, url: str, **request: Any) -> httpx.Response:
        """The answer; what may be repeated is, where the connection breaks or 503 is answered."""
        waits = iter(RETRY_WAITS if method in REPEATABLE else ())
        arrived = False
        while True:
            try:
                answer = await self._client.request(method, url, **request)
                wait = next(waits, None) if answer.status_code == 503 else None
                if wait is None:
                    return answer
            except httpx.TransportError as error:
                arrived = arrived or not isinstance(error, httpx.ConnectError)
                wait = next(waits, None) if isinstance(error, BROKEN) else None
                if wait is None:
                    raise _unreached(url, error, in_doubt=arrived and method != "GET") from error
            await asyncio.sleep(wait)


def _unreached(url: str, error: httpx.TransportError, *, in_doubt: bool) -> PlatformError:
    address = httpx.URL(url).copy_with(path="/", query=None)
    said = f"{address} does not answer ({error or type(error).__name__}). Is Orderdock running there?"
    doubt = " Whether the call did what it should is not known: look before you repeat it."
    return PlatformError(said + doubt if in_doubt else said)


def _checked(what: str, answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise PlatformError(f"{_refusal(answer)} ({what} was answered {answer.status_code})")
    try:
        return answer.json() if answer.content else None
    except ValueError as error:
        raise PlatformError(
            f"{answer.url} does not answer as Orderdock does. Look at the address."
        ) from error


def _refusal(answer: httpx.Response) -> str:
    """What a problem says, every field that is wrong and the time to wait included."""
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    problem = problem if isinstance(problem, dict) else {}
    faults = [f"{each['field']}: {each['detail']}" for each in problem.get("errors", ())]
    said = "; ".join(faults) if len(faults) > 1 else problem.get("detail") or problem.get("error_description")
    said = said or answer.text[:200] or answer.reason_phrase
    wait = answer.headers.get("retry-after", "")
    if answer.status_code == 429 and wait.isdigit() and wait not in said:
        said = f"{said} Try again in {wait} s."
    return str(said)

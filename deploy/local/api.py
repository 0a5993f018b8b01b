"""One account's calls to the services' APIs, under an access token that is renewed by itself."""

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from deploy.local.errors import PlatformError

RENEW_BEFORE = 60.0


class Api:
    """Calls `integration`, `order-router` and `webhook-dispatcher` for whoever holds the API key."""

    def __init__(self, urls: Mapping[str, str], client_id: str, client_secret: str) -> None:
        self._urls = urls
        self._key = (client_id, client_secret)
        self._client = httpx.AsyncClient(timeout=30, trust_env=False)
        self._token = ""
        self._renew_at = 0.0

    async def close(self) -> None:
        await self._client.aclose()

    async def call(self, method: str, service: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON answer; raises `PlatformError` with the problem's own words if it is none."""
        headers = {"Authorization": f"Bearer {await self._access_token()}"}
        url = self._urls[service] + path
        given = {name: value for name, value in query.items() if value is not None}
        answer = await self._client.request(method, url, json=body, params=given, headers=headers)
        return _checked(f"{method} {path}", answer)

    async def get(self, service: str, path: str, **query: Any) -> Any:
        return await self.call("GET", service, path, **query)

    async def post(self, service: str, path: str, body: Any = None) -> Any:
        return await self.call("POST", service, path, body)

    async def put(self, service: str, path: str, body: Any) -> Any:
        return await self.call("PUT", service, path, body)

    async def pages(self, service: str, path: str, **query: Any) -> AsyncIterator[dict[str, Any]]:
        """Every entry of a list, page by page; a page names its entries as its path does."""
        noun = path.rpartition("/")[2]
        cursor = None
        while True:
            page = await self.get(service, path, cursor=cursor, limit=200, **query)
            for entry in page[noun]:
                yield entry
            cursor = page["next_cursor"]
            if cursor is None:
                return

    async def _access_token(self) -> str:
        if time.monotonic() >= self._renew_at:
            form = {"grant_type": "client_credentials"}
            url = self._urls["integration"] + "/oauth/token"
            token = _checked("POST /oauth/token", await self._client.post(url, data=form, auth=self._key))
            self._token = token["access_token"]
            self._renew_at = time.monotonic() + token["expires_in"] - RENEW_BEFORE
        return self._token


def _checked(what: str, answer: httpx.Response) -> Any:
    if answer.is_error:
        problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        said = problem.get("detail") or problem.get("error_description") or answer.text[:200]
        raise PlatformError(f"{what} was answered {answer.status_code}: {said}")
    return answer.json() if answer.content else None

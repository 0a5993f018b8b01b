"""One transaction a request: committed with its answer, and once for each Idempotency-Key.

Source: draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.api.parts import Parts, bearer_caller
from integration.store import idempotency
from integration.store.idempotency import Kept
from shared.database import Database
from shared.errors import Problem

HEADER = "idempotency-key"
KEPT_FOR = timedelta(hours=24)
# An answer with access tokens in it is of no use for longer than they are.
TOKENS_KEPT_FOR = timedelta(minutes=5)
LONGEST = 255
_NOT_KEPT = {"content-length", "content-type"}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Work:
    """A request's transaction: begun when the route first asks for it, committed once it has answered."""

    def __init__(self, database: Database) -> None:
        self.after_commit: list[Callable[[], None]] = []
        self._database = database
        self._stack = AsyncExitStack()
        self._connection: AsyncConnection | None = None

    async def __aenter__(self) -> "Work":
        await self._stack.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> bool | None:
        return await self._stack.__aexit__(*error)

    async def begin(self) -> AsyncConnection:
        """The transaction's connection."""
        if self._connection is None:
            self._connection = await self._stack.enter_async_context(self._database.transaction())
        return self._connection

    @asynccontextmanager
    async def look(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with: the transaction's, or while that isn't begun, one for the block.

        No request ever waits for a second connection while it holds one: enough of them at once would hold
        all there are.
        """
        if self._connection is not None:
            yield self._connection
        else:
            async with self._database.transaction() as connection:
                yield connection

    def then(self, say: Callable[[], None]) -> None:
        """Calls this after the commit: nothing is said that is not first committed."""
        self.after_commit.append(say)


class WorkRoute(APIRoute):
    """A route whose handler works in one transaction, `GivenWork`, and answers a repeated key as before."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "POST" in (options.get("methods") or ()):
            options["dependencies"] = [*(options.get("dependencies") or ()), Depends(_documented)]
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        by_key = "POST" in (self.methods or ())

        async def in_one_transaction(request: Request) -> Response:
            parts: Parts = request.app.state.parts
            async with Work(parts.database) as work:
                request.state.work = work
                key = request.headers.get(HEADER) if by_key else None
                response = await (
                    handle(request) if key is None else _once(parts, work, request, key, handle)
                )
            for say in work.after_commit:
                say()
            return response

        return in_one_transaction


async def _documented(
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=LONGEST,
            description="Repeated with the same request within 24 hours, it is answered as the first time.",
        ),
    ] = None,
) -> None:
    """What the OpenAPI document says of the header."""


async def _work(request: Request) -> Work:
    work: Work = request.state.work
    return work


GivenWork = Annotated[Work, Depends(_work)]


async def _once(parts: Parts, work: Work, request: Request, key: str, handle: Handler) -> Response:
    """The answer to the first request under this key, which is this one or one before."""
    if not 0 < len(key) <= LONGEST:
        raise _invalid(f"must have 1 to {LONGEST} characters")
    body, now = await request.body(), datetime.now(UTC)
    asked = _hash(request.method, request.url.path, request.url.query, request.headers.get("if-match"), body)
    key_id = _hash(key, await _who(parts, request, body))
    connection = await work.begin()
    kept = await idempotency.claim(connection, key_id, asked, now)
    if kept is None:
        return await _first(parts, connection, key_id, await handle(request))
    if kept.request_hash != asked:
        raise Problem(
            422,
            "idempotency-key-reused",
            "This Idempotency-Key was used for another request; make a new one.",
        )
    return _replayed(parts, kept)


async def _first(parts: Parts, connection: AsyncConnection, key_id: bytes, response: Response) -> Response:
    """Keeps the answer, unless it is a refusal: that is judged anew when the request comes again."""
    if response.status_code >= 400:
        await idempotency.drop(connection, key_id)
    else:
        headers, body = _kept_headers(response), _sealed(parts, response)
        kept_until = datetime.now(UTC) + (TOKENS_KEPT_FOR if _holds_tokens(response) else KEPT_FOR)
        await idempotency.keep(connection, key_id, response.status_code, headers, body, kept_until)
    return response


async def _who(parts: Parts, request: Request, body: bytes) -> bytes:
    """Whose key it is: each user has keys of its own.

    Who shows no access token is known by all they say: another secret, in the body or by HTTP Basic, is
    somebody else.
    """
    caller = await bearer_caller(parts, request)
    if caller is None:
        return _hash("anybody", request.headers.get("authorization"), body)
    return _hash("user", caller.account, caller.subject)


def _holds_tokens(response: Response) -> bool:
    return response.headers.get("cache-control") == "no-store"


def _kept_headers(response: Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in _NOT_KEPT}


def _sealed(parts: Parts, response: Response) -> bytes:
    """The answer's body, encrypted: it may hold a secret that is shown once."""
    return parts.ring.encrypt(bytes(response.body))


def _replayed(parts: Parts, kept: Kept) -> Response:
    body = parts.ring.decrypt(kept.body)
    headers = {**kept.headers, "Idempotent-Replayed": "true"}
    return Response(body or None, kept.status, headers, "application/json" if body else None)


def _hash(*said: str | bytes | None) -> bytes:
    """One hash over all parts, each set off by its length."""
    whole = hashlib.sha256()
    for part in said:
        raw = part if isinstance(part, bytes) else (part or "").encode()
        whole.update(len(raw).to_bytes(8) + raw)
    return whole.digest()


def _invalid(detail: str) -> Problem:
    errors = [{"field": "Idempotency-Key", "detail": detail}]
    return Problem(422, "invalid-request", f"Idempotency-Key: {detail}", errors=errors)

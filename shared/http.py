"""Each service's HTTP side: one FastAPI with problem+json errors, health, metrics and a bound on bodies.

Source: RFC 9457 (problem details).
"""

import hmac
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.database import in_short, is_passing
from shared.errors import Problem
from shared.runtime import Service

log = structlog.get_logger()

MAX_BODY_BYTES = 1024 * 1024
PROBLEMS = "https://orderdock.dev/problems/"


def create_api(service: Service, title: str, description: str) -> FastAPI:
    """The service's API with what every service serves; its lifespan starts and stops the service."""
    api = FastAPI(
        title=title,
        description=description,
        version="0.1.0",
        lifespan=lambda _: service.running(),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    api.state.service = service
    api.add_middleware(BodyLimit)
    api.add_exception_handler(Problem, _on_problem)
    api.add_exception_handler(RequestValidationError, _on_invalid)
    api.add_exception_handler(HTTPException, _on_http)
    # Named, these are answered and done with; under Exception alone Starlette also ends the connection.
    for failure in (SQLAlchemyError, asyncpg.InterfaceError, OSError, Exception):
        api.add_exception_handler(failure, _on_failure)
    _add_health(api, service)
    return api


def problem(status: int, kind: str, detail: str, **extra: Any) -> JSONResponse:
    """A problem document; `type` is a stable name under `PROBLEMS`, `retry_after` is in seconds."""
    document = {"type": PROBLEMS + kind, "title": kind.replace("-", " "), "status": status, "detail": detail}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if "retry_after" in extra:
        headers["Retry-After"] = str(extra["retry_after"])
    return JSONResponse({**document, **extra}, status, headers=headers, media_type="application/problem+json")


class BodyLimit:
    """Answers 413 to a body over 1 MiB, whether or not its length was announced."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY_BYTES:
                raise HTTPException(413, _TOO_LARGE)
            return message

        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _announced(scope) > MAX_BODY_BYTES:
            await problem(413, "body-too-large", _TOO_LARGE)(scope, receive, send)
        else:
            await self._app(scope, limited, send)


_TOO_LARGE = f"A body may hold at most {MAX_BODY_BYTES} bytes."


def _announced(scope: Scope) -> int:
    """How long the body is said to be, in bytes; what says so in more than 20 digits is too long anyway."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length[:20]) if length.isdecimal() else 0


def _add_health(api: FastAPI, service: Service) -> None:
    token = service.settings.metrics_token

    @api.get("/health/live", include_in_schema=False)
    async def live() -> Response:
        return _health(service.hanging())

    @api.get("/health/ready", include_in_schema=False)
    async def ready() -> Response:
        return _health(await service.not_ready())

    @api.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token is None or not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
            return problem(
                404, "not-found", "Metrics need the bearer token that ORDERDOCK_METRICS_TOKEN sets."
            )
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")


def _health(reasons: list[str]) -> Response:
    return JSONResponse(
        {"status": "failing" if reasons else "ok", "reasons": reasons}, 503 if reasons else 200
    )


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem(error.status, error.kind, error.detail, **error.extra)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if any(fault["type"] == "json_invalid" for fault in error.errors()):
        return problem(400, "invalid-request", "The body is no JSON.")
    faults = [
        {"field": ".".join(map(str, fault["loc"][1:])), "detail": fault["msg"]} for fault in error.errors()
    ]
    first = faults[0]
    return problem(422, "invalid-request", f"{first['field'] or 'body'}: {first['detail']}", errors=faults)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kinds = {400: "invalid-request", 404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}
    answer = problem(error.status_code, kinds.get(error.status_code, "http"), str(error.detail))
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(_methods_at(request))
    return answer


def _methods_at(request: Request) -> list[str]:
    """Every method that the path takes (RFC 9110, 10.2.1); Starlette names those of its first route only."""
    at_path = (
        route
        for route in iter_route_contexts(request.app.routes)
        if route.path_regex.match(request.scope["path"])
    )
    return sorted({method for route in at_path for method in route.methods or ()})


async def _on_failure(request: Request, error: Exception) -> Response:
    if is_passing(error):
        log.warning("request.failed", path=request.url.path, error=in_short(error))
        return problem(
            503, "unavailable", "The database is away, or others change the same; try again in a few seconds."
        )
    if str(getattr(getattr(error, "orig", None), "sqlstate", "")).startswith("22"):
        return problem(422, "invalid-request", "A value holds something that can't be stored, such as NUL.")
    log.error("request.failed", path=request.url.path, exc_info=error)
    return problem(500, "internal-error", "Something failed here; the log says what.")

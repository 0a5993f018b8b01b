"""A request came: an operator lists a service's dead letters, looks into one, puts one or many back."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.routing import APIRoute

from shared import dead_letter_rows as rows
from shared import pages
from shared.contracts.callers import Caller, Role, Scope
from shared.database import Database
from shared.dead_letter_documents import (
    DeadLetter,
    DeadLetterDetail,
    DeadLetterPage,
    DeadLettersToPutBack,
    LetterId,
    PutBackOutcome,
    PutBackOutcomes,
    PutBackProblem,
    Topic,
    Words,
)
from shared.dead_letter_put_back import PutBack, Tried
from shared.dead_letter_rows import Filter, State
from shared.errors import Problem, forbidden, not_found
from shared.http import PROBLEMS
from shared.problems import EVERYWHERE, problems
from shared.runtime import Service

Limit = Annotated[int, Query(ge=1, le=200, description="Dead letters a page.")]
Cursor = Annotated[LetterId | None, Query(description="`next_cursor` of the page before.")]
FOUND = problems(not_found=404)
ONE = problems(
    not_found=404, dead_letter_cut=409, dead_letter_unread=409, unavailable=503, dead_letter_held=503
)
FindCaller = Callable[..., Awaitable[Caller]]


def routes(
    service: Service,
    caller: FindCaller,
    *,
    database: Database | None = None,
    route_class: type[APIRoute] = APIRoute,
    posting: Mapping[str, int] | None = None,
) -> APIRouter:
    """The dead letters' API, for operators.

    `database` gives its connections, by default the service's own; `posting` names problems that a POST to
    this service knows besides.
    """
    own = database or service.database
    router = APIRouter(
        prefix="/dead-letters", tags=["dead letters"], route_class=route_class, responses=EVERYWHERE
    )
    _add_reading(router, own, caller)
    _add_putting_back(router, PutBack(service, own), caller, posting or {})
    return router


def _add_reading(router: APIRouter, database: Database, caller: FindCaller) -> None:
    Who = Annotated[Caller, Depends(caller)]  # noqa: N806

    @router.get("", summary="List dead letters (operators)")
    async def list_dead_letters(
        who: Who,
        state: State = "waiting",
        topic: Annotated[Topic | None, Query()] = None,
        reason: Annotated[Words | None, Query()] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> DeadLetterPage:
        _require_operator(who, "read")
        async with database.transaction() as connection:
            found = await rows.page(connection, Filter(state, topic, reason), cursor, limit + 1)
        letters = [DeadLetter.model_validate(row) for row in found]
        items, following = pages.cut(letters, limit, lambda letter: str(letter.id))
        return DeadLetterPage(dead_letters=items, next_cursor=following)

    @router.get("/{letter_id}", summary="Read a dead letter with its bytes (operators)", responses=FOUND)
    async def read_dead_letter(who: Who, letter_id: Annotated[LetterId, Path()]) -> DeadLetterDetail:
        _require_operator(who, "read")
        async with database.transaction() as connection:
            letter = await rows.find(connection, letter_id)
        if letter is None:
            raise not_found("dead letter")
        return DeadLetterDetail.of(letter)


def _add_putting_back(
    router: APIRouter, letters: PutBack, caller: FindCaller, posting: Mapping[str, int]
) -> None:
    Who = Annotated[Caller, Depends(caller)]  # noqa: N806

    many = problems(invalid_request=422, **posting)
    one = {**ONE, **problems(invalid_request=422, dead_letter_refused=422, **posting)}

    @router.post("/{letter_id}/put-back", summary="Put a dead letter back (operators)", responses=one)
    async def put_back(who: Who, letter_id: Annotated[LetterId, Path()]) -> DeadLetter:
        """Its message is handled again, as at its place on Kafka. One that was put back before stays so."""
        _require_operator(who, "write", "administrator", "manager")
        return DeadLetter.of(await letters.one(letter_id, who.subject))

    @router.post("/put-back", summary="Put many dead letters back (operators)", responses=many)
    async def put_back_many(who: Who, wanted: DeadLettersToPutBack) -> PutBackOutcomes:
        """Each by itself, the oldest first; once the database is away the rest is not tried, and waits."""
        _require_operator(who, "write", "administrator", "manager")
        chosen = wanted.ids or await _chosen(letters.database, wanted)
        outcomes = [_outcome(each) for each in await letters.many(chosen, who.subject)]
        more = wanted.ids is None and len(outcomes) == wanted.limit
        return PutBackOutcomes(outcomes=outcomes, next_after=outcomes[-1].id if more else None)


def _require_operator(who: Caller, scope: Scope, *roles: Role) -> None:
    """Raises the 403 problem for everybody else: nobody knows whose a message is that can't be read."""
    if who.kind != "operator":
        raise forbidden("Only operators may do this.")
    who.require(scope, *roles)


async def _chosen(database: Database, wanted: DeadLettersToPutBack) -> list[int]:
    which = Filter("waiting", wanted.topic, wanted.reason)
    async with database.transaction() as connection:
        return await rows.ids(connection, which, wanted.after, wanted.limit)


def _outcome(tried: Tried) -> PutBackOutcome:
    if isinstance(tried.became, Problem):
        problem = tried.became
        said = PutBackProblem(type=PROBLEMS + problem.kind, status=problem.status, detail=problem.detail)
        return PutBackOutcome(id=tried.id, dead_letter=None, problem=said)
    return PutBackOutcome(id=tried.id, dead_letter=DeadLetter.of(tried.became), problem=None)

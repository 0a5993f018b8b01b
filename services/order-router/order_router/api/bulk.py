"""The same acts on up to a thousand orders at once, each with its own outcome."""

from collections.abc import Mapping
from typing import Annotated, Generic, TypeVar

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from order_router.acts import Act, Answer, Assign, Move, MoveOn, Ship, TakeOver
from order_router.api.acting import act_on
from order_router.api.acts import Assignee
from order_router.api.parts import GivenCaller, GivenParts, Parts
from order_router.api.states import OrderState, state
from order_router.orders import StoredOrder
from order_router.store.orders import Key
from shared.contracts.assignments import RequestKind
from shared.contracts.callers import Caller
from shared.contracts.orders import OrderId
from shared.contracts.shipments import Consignment
from shared.errors import Problem
from shared.http import PROBLEMS
from shared.problems import EVERYWHERE

router = APIRouter(prefix="/orders", tags=["acts on many"], responses=EVERYWHERE)

MOST = 1000


class Named(BaseModel):
    """Which order."""

    shop_id: Annotated[str, StringConstraints(max_length=16)]
    order_id: OrderId

    @property
    def key(self) -> Key:
        return self.shop_id, self.order_id


class NamedConsignment(Named, Consignment):
    """Which order, and how it was shipped."""


class NamedAssignee(Named, Assignee):
    """Which order, and the link that it is to go to."""


class NamedAnswer(Named):
    """Which order, and the answer to what the shop asks of it."""

    kind: RequestKind
    accept: bool


N = TypeVar("N", bound=Named)


def _once_each(orders: list[N]) -> list[N]:
    if len({order.key for order in orders}) < len(orders):
        raise ValueError("must name each order once")
    return orders


class Many(BaseModel, Generic[N]):
    """One to a thousand orders, each named once."""

    orders: Annotated[list[N], Field(min_length=1, max_length=MOST), AfterValidator(_once_each)]


class Refusal(BaseModel):
    """Why an act on one order was refused: what the problem document of a single act would say."""

    type: str
    status: int
    detail: str


class OneOutcome(BaseModel):
    """What became of one order: how it stands, or why not."""

    shop_id: str
    order_id: str
    order: OrderState | None
    problem: Refusal | None


class Outcomes(BaseModel):
    """What became of each order, in the order they were named; `refused` counts those that were."""

    outcomes: list[OneOutcome]
    refused: int


@router.post("/take-over", summary="Take orders back, or ask for them (shop)")
async def take_over_many(many: Many[Named], caller: GivenCaller, parts: GivenParts) -> Outcomes:
    return await _acted(parts, caller, {each.key: TakeOver() for each in many.orders})


@router.post("/ship", summary="Say that orders were shipped (3PL)")
async def ship_many(many: Many[NamedConsignment], caller: GivenCaller, parts: GivenParts) -> Outcomes:
    acts = {each.key: Ship(Consignment.model_validate(dict(each))) for each in many.orders}
    return await _acted(parts, caller, acts)


@router.post("/assign", summary="Give orders to links (shop)")
async def assign_many(many: Many[NamedAssignee], caller: GivenCaller, parts: GivenParts) -> Outcomes:
    return await _acted(parts, caller, {each.key: Assign(each.link_id) for each in many.orders})


@router.post("/answer", summary="Answer what shops ask (3PL)")
async def answer_many(many: Many[NamedAnswer], caller: GivenCaller, parts: GivenParts) -> Outcomes:
    return await _acted(parts, caller, {each.key: Answer(each.kind, each.accept) for each in many.orders})


@router.post("/{act}", summary="Start, queue, deliver or return orders (3PL)")
async def move_many(act: Move, many: Many[Named], caller: GivenCaller, parts: GivenParts) -> Outcomes:
    return await _acted(parts, caller, {each.key: MoveOn(act) for each in many.orders})


async def _acted(parts: Parts, caller: Caller, acts: Mapping[Key, Act]) -> Outcomes:
    outcomes = [_outcome(key, done) for key, done in (await act_on(parts, caller, acts)).items()]
    return Outcomes(outcomes=outcomes, refused=sum(each.problem is not None for each in outcomes))


def _outcome(key: Key, done: StoredOrder | Problem) -> OneOutcome:
    shop_id, order_id = key
    if isinstance(done, Problem):
        refusal = Refusal(type=PROBLEMS + done.kind, status=done.status, detail=done.detail)
        return OneOutcome(shop_id=shop_id, order_id=order_id, order=None, problem=refusal)
    return OneOutcome(shop_id=shop_id, order_id=order_id, order=state(done), problem=None)

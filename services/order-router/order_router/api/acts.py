"""What the two sides do with one order: start, queue, ship, deliver, return, assign, take over, answer."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, StringConstraints

from order_router.acts import Act, Answer, Assign, MoveOn, Ship, TakeOver
from order_router.api.acting import act_on
from order_router.api.parts import GivenCaller, GivenParts, Parts
from order_router.api.states import OrderState, state
from order_router.store.orders import Key
from shared.contracts.assignments import RequestKind
from shared.contracts.callers import Caller
from shared.contracts.shipments import Consignment
from shared.errors import Problem
from shared.problems import EVERYWHERE, problems

router = APIRouter(prefix="/orders", tags=["acts"], responses=EVERYWHERE)

ORDER = "/{shop_id}/{order_id:path}"
MOVES = problems(not_found=404, wrong_stage=409)
ASSIGNS = problems(not_found=404, wrong_stage=409, held_by_threepl=409, link_not_active=409, not_routable=409)
ANSWERS = problems(not_found=404, no_request=409)
LinkId = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Assignee(BaseModel):
    """The link that the order is to go to."""

    link_id: LinkId


@router.post(ORDER + "/start", summary="Start picking an order (3PL)", responses=MOVES)
async def start(shop_id: str, order_id: str, caller: GivenCaller, parts: GivenParts) -> OrderState:
    """From then on the shop can only ask for it."""
    return await _acted(parts, caller, (shop_id, order_id), MoveOn("start"))


@router.post(ORDER + "/queue", summary="Put an order into the shipping queue (3PL)", responses=MOVES)
async def queue(shop_id: str, order_id: str, caller: GivenCaller, parts: GivenParts) -> OrderState:
    return await _acted(parts, caller, (shop_id, order_id), MoveOn("queue"))


@router.post(ORDER + "/ship", summary="Say that an order was shipped (3PL)", responses=MOVES)
async def ship(
    shop_id: str, order_id: str, consignment: Consignment, caller: GivenCaller, parts: GivenParts
) -> OrderState:
    """Refuses what the shop still asks, and publishes the shipment with whose terms apply to it."""
    return await _acted(parts, caller, (shop_id, order_id), Ship(consignment))


@router.post(ORDER + "/deliver", summary="Say that an order was delivered (3PL)", responses=MOVES)
async def deliver(shop_id: str, order_id: str, caller: GivenCaller, parts: GivenParts) -> OrderState:
    return await _acted(parts, caller, (shop_id, order_id), MoveOn("deliver"))


@router.post(ORDER + "/return", summary="Say that an order came back (3PL)", responses=MOVES)
async def give_back(shop_id: str, order_id: str, caller: GivenCaller, parts: GivenParts) -> OrderState:
    return await _acted(parts, caller, (shop_id, order_id), MoveOn("return"))


@router.post(ORDER + "/assign", summary="Give an order to one of the shop's links (shop)", responses=ASSIGNS)
async def assign(
    shop_id: str, order_id: str, to: Assignee, caller: GivenCaller, parts: GivenParts
) -> OrderState:
    """Counts towards the link's daily limit, and isn't held back by it."""
    return await _acted(parts, caller, (shop_id, order_id), Assign(to.link_id))


@router.post(ORDER + "/take-over", summary="Take an order back, or ask for it (shop)", responses=MOVES)
async def take_over(shop_id: str, order_id: str, caller: GivenCaller, parts: GivenParts) -> OrderState:
    """An open order is the shop's at once; once it is begun, the 3PL has 24 hours to accept or refuse."""
    return await _acted(parts, caller, (shop_id, order_id), TakeOver())


@router.post(
    ORDER + "/requests/{kind}/{answer}", summary="Answer what the shop asks (3PL)", responses=ANSWERS
)
async def answer_request(
    shop_id: str,
    order_id: str,
    kind: RequestKind,
    answer: Literal["accept", "refuse"],
    caller: GivenCaller,
    parts: GivenParts,
) -> OrderState:
    """An accepted cancellation cancels the order, an accepted take-over gives it back to the shop."""
    return await _acted(parts, caller, (shop_id, order_id), Answer(kind, accept=answer == "accept"))


async def _acted(parts: Parts, caller: Caller, key: Key, act: Act) -> OrderState:
    done = (await act_on(parts, caller, {key: act}))[key]
    if isinstance(done, Problem):
        raise done
    return state(done)

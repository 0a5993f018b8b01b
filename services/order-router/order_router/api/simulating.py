"""What other rules of a link would have done to the shop's last orders; nothing is changed by it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from order_router.api.filters import LinkId
from order_router.api.parts import GivenCaller, GivenParts, Parts
from order_router.routing import Decision
from order_router.simulations import Example, Links, Simulated, simulate, with_rules
from order_router.store import links as link_store
from order_router.store import order_counts, order_lists
from order_router.store.order_lists import Filter
from order_router.store.seen import SeenOrder
from shared.contracts.callers import Caller
from shared.contracts.rules import Condition, Rule, Rules
from shared.errors import forbidden, not_found
from shared.pages import START, Place
from shared.problems import EVERYWHERE, problems

router = APIRouter(prefix="/simulations", tags=["decisions"], responses=EVERYWHERE)

CHUNK = 200  # orders a transaction
_STRICT = ConfigDict(frozen=True, extra="forbid")


class ProposedCondition(Condition):
    """What must hold of one field of an order."""

    model_config = _STRICT


class ProposedRule(Rule):
    """Conditions that must all hold."""

    model_config = _STRICT

    conditions: tuple[ProposedCondition, ...] = Field(max_length=20, json_schema_extra={"minItems": 1})


class ProposedRules(Rules):
    """All of a link's rules: a field that is left out takes its default."""

    model_config = _STRICT

    rules: tuple[ProposedRule, ...] = Field(default=(), max_length=100)


class Proposal(BaseModel):
    """Rules for one of the shop's links, and over how many of its last orders they are tried."""

    model_config = _STRICT

    link_id: LinkId
    rules: ProposedRules
    last: int = Field(default=1000, ge=1, le=10_000)


class Progress(BaseModel):
    """So many of the orders have been looked at."""

    type: Literal["progress"] = "progress"
    done: int
    of: int


class Change(BaseModel):
    """How many of the orders come here by the rules as they are, and would by those proposed."""

    now: int
    proposed: int


class LinkChange(Change):
    """How many orders go to a link."""

    link_id: str


class Moved(BaseModel):
    """An order that would go elsewhere."""

    order_id: str
    number: str
    now: Decision
    proposed: Decision


class Result(BaseModel):
    """What the proposed rules would have done; daily limits have no part in it.

    `decided` orders were tried; `not_routable` ones were never to be routed, `unreadable` ones can't be read
    any more. `shop` counts those that no link gets. `examples` are the newest of those `moving`, at most 20.
    """

    type: Literal["result"] = "result"
    decided: int
    not_routable: int
    unreadable: int
    moving: int
    links: list[LinkChange]
    shop: Change
    examples: list[Moved]
    limits: Literal["ignored"] = "ignored"


class JsonLines(StreamingResponse):
    """Documents of JSON, each a line."""

    media_type = "application/x-ndjson"


@router.post(
    "",
    summary="Try rules of a link on the last orders (shop)",
    response_class=JsonLines,
    responses=problems(not_found=404),
)
async def simulate_rules(proposal: Proposal, caller: GivenCaller, parts: GivenParts) -> JsonLines:
    """Answers lines of `progress` while it goes, and at the end one `result`; without that it has failed.

    The shop's links count as they are now.
    """
    if caller.kind != "shop":
        raise forbidden("Simulations are for the shop.")
    caller.require("read", "administrator", "manager")
    async with parts.database.transaction() as connection:
        links = (await link_store.of_shops(connection, [caller.account]))[caller.account]
        of = await order_counts.up_to(connection, caller.account, proposal.last)
    link = links.get(proposal.link_id)
    if link is None or link.status == "deleted":
        raise not_found("link")
    return JsonLines(_lines(parts, caller, links, with_rules(links, link.id, proposal.rules), of))


async def _lines(parts: Parts, caller: Caller, links: Links, proposed: Links, of: int) -> AsyncIterator[str]:
    done, total = 0, Simulated()
    async for orders in _last(parts, caller, of):
        # Rules may take a while, and what else the router does goes on meanwhile.
        stored = [each.order for each in orders]
        total = total.plus(await asyncio.to_thread(simulate, stored, links, proposed))
        done += len(orders)
        yield _line(Progress(done=done, of=of))
    yield _line(_result(total, links))


async def _last(parts: Parts, caller: Caller, most: int) -> AsyncIterator[Sequence[SeenOrder]]:
    """The shop's last orders, each chunk read in a transaction of its own."""
    place: Place | None = START
    while place is not None and most > 0:
        async with parts.database.transaction() as connection:
            page = await order_lists.page(connection, caller, Filter(), place, min(CHUNK, most))
        yield page.orders
        most -= len(page.orders)
        place = page.following


def _result(total: Simulated, links: Links) -> Result:
    return Result(
        decided=total.decided,
        not_routable=total.not_routable,
        unreadable=total.unreadable,
        moving=total.moving,
        links=[
            LinkChange(link_id=link.id, now=total.now[link.id], proposed=total.proposed[link.id])
            for link in links.values()
            if link.status != "deleted"
        ],
        shop=Change(now=total.now[None], proposed=total.proposed[None]),
        examples=[_moved(each) for each in total.examples],
    )


def _moved(example: Example) -> Moved:
    order = example.order
    return Moved(order_id=order.order_id, number=order.number, now=example.now, proposed=example.proposed)


def _line(document: BaseModel) -> str:
    return document.model_dump_json() + "\n"

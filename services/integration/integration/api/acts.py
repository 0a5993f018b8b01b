"""Acts on a link: each side turns its own switch or deletes; the 3PL sets settings, the shop rules.

Every answer is the link under its ETag. An act that finds everything as it asks answers the same version.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response

from integration import lifecycle
from integration.accounts import Plan
from integration.api.bodies import RulesBody, SettingsBody
from integration.api.changes import (
    READS,
    actor,
    held_account,
    now,
    require_match,
    save,
    tagged,
    theirs,
)
from integration.api.documented import POSTED
from integration.api.finding import acting_side
from integration.api.parts import GivenCaller, GivenParts
from integration.api.work import GivenWork, WorkRoute
from integration.lifecycle import Act, ApplyTo, Verb
from integration.links import OwnLink
from integration.store import links
from shared.contracts.links import Side
from shared.problems import EVERYWHERE, problems

Decide = Callable[[OwnLink, Side, Plan, datetime], OwnLink]

CHANGES = {**EVERYWHERE, **READS, **problems(link_deleted=409, version_changed=412)}
ACTIVATES = {
    **POSTED,
    **problems(forbidden=403, plan_required=403, link_deleted=409, waiting_for_other_side=409),
}
SETS = problems(forbidden=403, wrong_side=403)

router = APIRouter(prefix="/links/{link_id}", tags=["links"], responses=CHANGES, route_class=WorkRoute)

IfMatch = Annotated[
    str | None, Header(max_length=1000, description="The ETag the act is meant for; another version: 412.")
]


@dataclass(frozen=True)
class Call:
    """A call that may change one link of the caller's side."""

    link_id: str
    caller: GivenCaller
    parts: GivenParts
    work: GivenWork
    response: Response
    if_match: IfMatch = None

    async def act(self, verb: Verb) -> OwnLink:
        """What the table of the life cycle makes of the link."""
        life = self.parts.life
        return await self.change(
            verb, lambda link, side, plan, at: lifecycle.act(link, verb, side, plan, at, life)
        )

    async def change(self, act: Act, decide: Decide) -> OwnLink:
        """Claim, load, decide, save, announce; the account is held first, everywhere (DESIGN 2.4)."""
        side = acting_side(self.caller, "write")
        connection = await self.work.begin()
        account = await held_account(connection, self.caller)
        link = theirs(await links.claim(connection, self.caller, self.link_id))
        require_match(self.if_match, link)
        changed = decide(link, side, account.plan, now())
        if changed.version == link.version:
            return tagged(self.response, link, self.caller)
        await save(connection, self.parts, self.work, link, changed, act, actor(self.caller))
        return tagged(self.response, changed, self.caller)


GivenCall = Annotated[Call, Depends()]


@router.post("/activate", summary="Turn one's own switch on", responses=ACTIVATES)
async def activate(call: GivenCall) -> OwnLink:
    """The link is active once both switches are on."""
    return await call.act("activate")


@router.post("/deactivate", summary="Turn one's own switch off", responses=POSTED)
async def deactivate(call: GivenCall) -> OwnLink:
    """Every open order of an active link goes back to the shop; who deactivated must activate again."""
    return await call.act("deactivate")


@router.delete("", summary="Delete the link: decline, withdraw or end it")
async def delete(call: GivenCall) -> OwnLink:
    """Every open order goes back to the shop. The link can still be read; the pair may make a new one."""
    return await call.act("delete")


@router.put("/settings", summary="Replace the settings (3PL side)", responses=SETS)
async def change_settings(
    body: SettingsBody, call: GivenCall, apply_to: Annotated[ApplyTo, Query()] = "new_orders"
) -> OwnLink:
    """They apply to orders that arrive from now on; with `apply_to=open_orders` to the open ones too."""
    settings = body.checked(allow_http=call.parts.allow_http, allowed=call.parts.allowed_networks)
    given = body.model_fields_set
    return await call.change(
        "change_settings",
        lambda link, side, _, at: lifecycle.change_settings(link, side, settings, given, apply_to, at),
    )


@router.put("/rules", summary="Replace the rules (shop side)", responses=SETS)
async def change_rules(body: RulesBody, call: GivenCall) -> OwnLink:
    """They apply to orders that arrive from now on."""
    rules = body.plain()
    return await call.change(
        "change_rules", lambda link, side, _, at: lifecycle.change_rules(link, side, rules, at)
    )

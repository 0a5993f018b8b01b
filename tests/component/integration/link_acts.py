"""Acts on links, drawn by Hypothesis: each is done to the service and to the model, which must agree."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
from hypothesis import strategies as st

from tests.component.integration.link_comparison import Comparison
from tests.component.integration.link_model import OPERATOR, OTHER
from tests.component.integration.link_service import ACCOUNTS, Service
from tests.component.integration.link_told import Body, InvitationTold, LinkTold

Act = tuple[Any, ...]  # its name, and what is given to the method of that name

NAMES = tuple(name for name, *_ in ACCOUNTS)
EVERYBODY = (*NAMES, OPERATOR)
STATUSES = ("pending", "active", "inactive", "deleted")
OTHERS = ("1", "2", "1 by e-mail", "2 by e-mail", "newcomer-1", "newcomer-2")
BEGINNINGS = (("1",), ("1", "activate"), ("1", "activate"), ("newcomer-1",), ("newcomer-1", "1"))
RULE = {"conditions": [{"field": "sku", "operator": "prefix", "value": "A", "currency": None}]}
# What is drawn more often stands here more often.
WHO = st.sampled_from(NAMES)
NTH = st.sampled_from((0, 0, 0, 1, 2))  # which link or invitation, the newest first
MATCH = st.sampled_from((*("",) * 7, "right", "any", "stale"))
SIDE = st.sampled_from(("shop", "threepl"))
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "shipping_rules_from": SIDE,
        "charge_to": SIDE,
        "support_tickets_from": SIDE,
        "client_reference": st.sampled_from(("client-7", "")),
        "webhook_url": st.sampled_from(("https://hooks.example.com/a", "https://hooks.example.com/b", None)),
    },
)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "polarity": st.sampled_from(("dont_send", "send")),
        "rules": st.sampled_from(([RULE], [])),
        "priority": st.integers(1, 2),
        "share": st.integers(1, 2),
        "daily_limit": st.sampled_from((5, None)),
    },
)
TO = st.sampled_from(("new_orders", "open_orders"))
PLAN = st.sampled_from(("free", "grow", "conquer"))


def by(*most: str) -> st.SearchStrategy[str]:
    """Who acts on a link: mostly one of these sides of it, sometimes any, a stranger or the operator."""
    return st.sampled_from((*most * (6 // len(most)), "shop", "threepl", "stranger", OPERATOR))


def act(name: str, *given: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.tuples(st.just(name), *given)


_START = act("start", WHO, st.sampled_from((*OTHERS, "own kind", "own kind by e-mail")))
_ACTIVATE = act("activate", by("off", "on"), NTH, MATCH)
_DEACTIVATE = act("deactivate", by("on", "off"), NTH, MATCH)
_INVITER = st.sampled_from(("inviter", "inviter", *EVERYBODY))
_ACTS = (
    *(_START,) * 2,
    *(_ACTIVATE,) * 6,
    *(_DEACTIVATE,) * 5,
    act("delete", by("shop", "threepl"), NTH, MATCH),
    *(act("change_settings", by("threepl"), NTH, MATCH, SETTINGS, TO),) * 2,
    *(act("change_rules", by("shop"), NTH, MATCH, RULES),) * 2,
    *(act("set_plan", st.sampled_from((*(OPERATOR,) * 5, "themselves")), WHO, PLAN),) * 2,
    act("read", by("shop", "threepl"), NTH),
    *(act("attach", st.sampled_from(("1", "1", "2", "wrong kind", OPERATOR)), NTH, st.booleans()),) * 2,
    act("decline", NTH, st.booleans()),
    act("resend", _INVITER, NTH),
    act("withdraw", _INVITER, NTH),
    act("expire", NTH),
)
# `one_of` would draw what stands here twice no more often.
_ANY = st.sampled_from(_ACTS).flatmap(lambda each: each)


def sequences(fewest: int, most: int) -> st.SearchStrategy[list[Act]]:
    """A beginning from which most of what can happen is near, and then anything."""
    begin = act("begin", WHO, st.sampled_from(BEGINNINGS))
    rest = st.lists(_ANY, min_size=fewest, max_size=most)
    return st.builds(lambda first, others: [first, *others], begin, rest)


async def play(service: Service, acts: Sequence[Act]) -> None:
    """Does the acts on new accounts, one after the other; raises the first difference."""
    played = Played(Comparison(service, await service.people()))
    for name, *given in acts:
        await getattr(played, name)(*given)
    await played.end()
    service.counts["sequences"] += 1
    service.counts["versions"] += sum(len(link.versions) for link in played.model.links)


def _turn(names: Sequence[str], count: int) -> str:
    return names[count % len(names)]


class Played:
    """One sequence: its acts are the methods."""

    def __init__(self, both: Comparison) -> None:
        self.both = both
        self.model = both.model

    async def end(self) -> None:
        """Compares what can't be seen act by act: lists, histories, invitations and the topic."""
        model, count = self.model, len(self.both.acts)
        linked = {name for link in model.links for name in model.sides(link)}
        strangers = [name for name in NAMES if name not in linked]
        await asyncio.gather(
            *(self.both.list_of(who) for who in (*linked, *strangers[:1])),
            self.both.list_of(NAMES[len(linked) % 4], STATUSES[count % 4]),
            *(self.both.history(_turn(model.sides(link), count), link) for link in model.links),
            *(self.both.invitations_of(who) for who in {sent.inviter for sent in model.invitations}),
        )
        for link in model.links:
            await self.both.topic(link)

    async def begin(self, who: str, steps: Sequence[str]) -> None:
        for step in steps:
            await (self.activate("off", 0, "") if step == "activate" else self.start(who, step))

    async def start(self, who: str, other: str) -> None:
        wanted = self._wanted(who, other)
        got = await self.both.call("start", who, "POST", "/links", wanted, said=f"with {other}")
        expected = self.model.start(who, wanted)
        await self.both.answer(expected, got, who)
        if expected.status == 201 and self.model.links[-1].now["email"]:
            await self.both.read_mail(self.model.invitations[-1])

    async def activate(self, by: str, nth: int, match: str) -> None:
        who, link = self._party(by, nth)
        got = await self._on_link("activate", who, link, match, "POST", "/activate")
        await self.both.answer(self.model.activate(who, link, match), got, who)

    async def deactivate(self, by: str, nth: int, match: str) -> None:
        who, link = self._party(by, nth)
        got = await self._on_link("deactivate", who, link, match, "POST", "/deactivate")
        await self.both.answer(self.model.deactivate(who, link, match), got, who)

    async def delete(self, by: str, nth: int, match: str) -> None:
        who, link = self._party(by, nth)
        got = await self._on_link("delete", who, link, match, "DELETE", "")
        await self.both.answer(self.model.delete(who, link, match), got, who)

    async def change_settings(self, by: str, nth: int, match: str, given: Body, to: str) -> None:
        who, link = self._party(by, nth)
        path = f"/settings?apply_to={to}"
        got = await self._on_link("change-settings", who, link, match, "PUT", path, given)
        await self.both.answer(self.model.change_settings(who, link, match, given, to), got, who)

    async def change_rules(self, by: str, nth: int, match: str, given: Body) -> None:
        who, link = self._party(by, nth)
        got = await self._on_link("change-rules", who, link, match, "PUT", "/rules", given)
        await self.both.answer(self.model.change_rules(who, link, match, given), got, who)

    async def set_plan(self, by: str, who: str, plan: str) -> None:
        by = OPERATOR if by == OPERATOR else who
        path = f"/accounts/{self.both.people[who].id}/plan"
        got = await self.both.call("set-plan", by, "PUT", path, {"plan": plan}, said=f"{plan} of {who}")
        await self.both.answer(self.model.set_plan(by, who, plan), got, by)

    async def read(self, by: str, nth: int) -> None:
        who, link = self._party(by, nth)
        got = await self._on_link("read", who, link, "", "GET", "")
        await self.both.answer(self.model.read(who, link), got, who)

    async def attach(self, by: str, nth: int, is_newest: bool) -> None:
        for invitation in self._invitation(nth):
            who = f"{invitation.kind} {by}" if by in ("1", "2") else f"{OTHER[invitation.kind]} 2"
            who = by if by == OPERATOR else who
            token = invitation.tokens[-1 if is_newest else 0]
            got = await self.both.call("attach", who, "POST", "/invitations/attach", {"token": token})
            await self.both.answer(self.model.attach(who, invitation, token), got, who)

    async def decline(self, nth: int, is_newest: bool) -> None:
        for invitation in self._invitation(nth):
            token = invitation.tokens[-1 if is_newest else 0]
            got = await self.both.call("decline", "", "POST", "/invitations/decline", {"token": token})
            await self.both.answer(self.model.decline(invitation, token), got, "")

    async def resend(self, by: str, nth: int) -> None:
        for invitation in self._invitation(nth):
            who = invitation.inviter if by == "inviter" else by
            got = await self.both.call("resend", who, "POST", f"/invitations/{invitation.id}/resend")
            await self.both.answer(self.model.resend(who, invitation), got, who)
            if not got.is_error:
                await self.both.read_mail(invitation)

    async def withdraw(self, by: str, nth: int) -> None:
        for invitation in self._invitation(nth):
            who = invitation.inviter if by == "inviter" else by
            got = await self.both.call("withdraw", who, "POST", f"/invitations/{invitation.id}/withdraw")
            await self.both.answer(self.model.withdraw(who, invitation), got, who)

    async def expire(self, nth: int) -> None:
        for invitation in self._invitation(nth):
            self.both.acts.append("72 hours pass")
            await self.both.service.expire(invitation.id)
            invitation.is_expired = True

    def _wanted(self, who: str, other: str) -> Body:
        """The body that names the other side; an e-mail counts in any case."""
        kind = self.model.accounts[who]["kind"]
        if other.startswith("newcomer"):
            return {"email": f"{other}-{self.both.people[who].email.partition('-')[2]}"}
        name, _, by_email = other.partition(" by ")
        person = self.both.people[f"{kind} 1" if name == "own kind" else f"{OTHER[kind]} {name}"]
        return {"email": person.email.upper()} if by_email else {"account_id": person.id}

    async def _on_link(
        self, act: str, who: str, link: LinkTold, match: str, method: str, path: str, body: Body | None = None
    ) -> httpx.Response:
        version = link.now["version"]
        tag = {"": "", "right": f'"{version}"', "stale": f'"{version - 1}"', "any": "*"}[match]
        words = (f"link {self.model.links.index(link) + 1}", match and f"if-match {match}", path, body or "")
        said = " ".join(str(word) for word in words if word)
        return await self.both.call(act, who, method, f"/links/{link.id}{path}", body, match=tag, said=said)

    def _party(self, by: str, nth: int) -> tuple[str, LinkTold]:
        """Who acts and on which link: a side of it, also by its switch, or not."""
        link = self.model.links[-1 - nth % len(self.model.links)]
        sides = self.model.sides(link)
        if by in ("on", "off"):
            by = "shop" if link.now["shop_on"] == (by == "on") else "threepl"
        if by == "stranger":
            return next(name for name in reversed(NAMES) if name not in sides), link
        if by == OPERATOR:
            return by, link
        return next((name for name in sides if name.startswith(by)), f"{by} 1"), link

    def _invitation(self, nth: int) -> list[InvitationTold]:
        """The invitation, if there is one."""
        sent = self.model.invitations
        return [sent[-1 - nth % len(sent)]] if sent else []

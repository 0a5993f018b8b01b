"""The service beside the model: acts are called on the one, told to the other, and compared."""

import itertools
from typing import Any

import httpx

from integration.accounts import Account
from tests.component.integration.conftest import Person
from tests.component.integration.link_model import Model
from tests.component.integration.link_service import SUBJECT, Service
from tests.component.integration.link_told import (
    Answer,
    Body,
    InvitationTold,
    LinkTold,
    announced,
    seen,
    seen_line,
)


class Difference(AssertionError):
    """The service did not do what the model says; `acts` are those that led there."""

    def __init__(self, acts: list[str], what: str, wanted: object, got: object) -> None:
        steps = "\n  ".join(acts)
        if isinstance(wanted, dict) and isinstance(got, dict):
            apart = [name for name in {**wanted, **got} if wanted.get(name) != got.get(name)]
            wanted, got = ({name: each.get(name) for name in apart} for each in (wanted, got))
        super().__init__(f"after\n  {steps}\n{what} should be\n  {wanted}\nand is\n  {got}")
        self.acts = acts


class Comparison:
    """New accounts on the service, and a model of them; `acts` is what was done so far."""

    def __init__(self, service: Service, people: list[tuple[Account, Person]]) -> None:
        self.service = service
        self.people = {account.name: person for account, person in people}
        self.model = Model({account.name: account.model_dump() for account, _ in people})
        self.acts: list[str] = []

    async def call(
        self, act: str, who: str, method: str, path: str, body: Any = None, *, match: str = "", said: str = ""
    ) -> httpx.Response:
        """The service's answer to an act of somebody, or of nobody who is signed in."""
        self.acts.append(" ".join(word for word in (f"{who or 'somebody'}:", act, said) if word))
        headers = {"If-Match": match} if match else {}
        if who:
            got = await self.people[who].call(method, path, body, headers=headers)
        else:
            got = await self.service.client.request(method, path, json=body)
        self.service.counts["acts"] += 1
        self.service.counts[f"{act} {'refused' if got.is_error else 'done'}"] += 1
        return got

    async def answer(self, wanted: Answer, got: httpx.Response, who: str) -> None:
        """Compares an answer, and where it made a version, what the other side sees of it."""
        self.same("the status", wanted.status, got.status_code)
        if got.is_error:
            self.same("the problem", wanted.problem, got.json()["type"].rpartition("/")[2])
        link = wanted.link
        if link is None:
            return
        if got.is_error:
            self.same("the link that is named", link.id, got.json()["link_id"])
            return
        link.id = link.id or got.json()["id"]
        self.same("the ETag", f'"{link.now["version"]}"', got.headers["ETag"])
        is_new = link.now["version"] not in link.moments
        self.link(link, who, got.json())
        for other in self.model.sides(link):
            if is_new and other != who:
                self.link(link, other, await self.read(other, f"/links/{link.id}"))

    async def read_mail(self, invitation: InvitationTold) -> None:
        """Takes note of what a new mail says of an invitation."""
        invitation.id, token = await self.service.invitation(invitation.link.id, invitation.email)
        invitation.tokens.append(token)

    async def read(self, who: str, path: str, **query: Any) -> Body:
        """What somebody who may read it reads."""
        got = await self.people[who].get(path, **query)
        self.same(f"the status of {path} for {who}", 200, got.status_code)
        return dict(got.json())

    def link(self, link: LinkTold, who: str, body: Body) -> None:
        """Compares a link as somebody sees it."""
        kind = self.model.accounts[who]["kind"]
        self._version(f"the link as {who} sees it", link, seen(link.now, kind), body)

    async def list_of(self, who: str, status: str | None = None) -> None:
        """Compares somebody's list of links, newest first."""
        mine = [link for link in reversed(self.model.links) if who in self.model.sides(link)]
        wanted = [link for link in mine if status in (None, link.now["status"])]
        query = {"status": status} if status else {}
        listed = (await self.read(who, "/links", **query))["links"]
        what = f"{who}'s list of {status or 'all'} links"
        self.same(what, [link.id for link in wanted], [body["id"] for body in listed])
        for link, body in zip(wanted, listed, strict=True):
            self.link(link, who, body)
        pairs = [(each["shop_id"], each["threepl_id"], each["email"]) for each in listed]
        live = [pair for pair, each in zip(pairs, listed, strict=True) if each["status"] != "deleted"]
        self.same("how many live links a pair has", len(set(live)), len(live))

    async def history(self, who: str, link: LinkTold) -> None:
        """Compares a link's history, newest first, as somebody sees it."""
        lines = (await self.read(who, f"/links/{link.id}/history", limit=200))["history"]
        self.moments(link, {line["version"]: line.pop("at") for line in lines})
        account = self.model.accounts[who]
        wanted = [seen_line(line, account, SUBJECT) for line in reversed(link.history)]
        self.same(f"the history as {who} sees it", wanted, lines)

    async def invitations_of(self, who: str) -> None:
        """Compares the invitations that somebody sent, newest first."""
        mine = [each for each in reversed(self.model.invitations) if each.inviter == who]
        wanted = [{**each.told(), "inviter_id": self.people[who].id} for each in mine]
        listed = (await self.read(who, "/invitations"))["invitations"]
        told = [{name: body[name] for name in (*each,)} for each, body in zip(wanted, listed, strict=True)]
        self.same(f"{who}'s invitations", wanted, told)

    async def topic(self, link: LinkTold) -> None:
        """Compares what was announced of a link: each version once, in order."""
        told = await self.service.announced(link.id, len(link.versions))
        self.same("the announced versions", len(link.versions), len(told))
        for version, body in zip(link.versions, told, strict=True):
            self._version("an announced version", link, announced(version), body)
        statuses = [body["status"] for body in told]
        ends = list(itertools.pairwise(statuses)).count(("active", "inactive")) + statuses.count("deleted")
        self.same("the epoch", ends, told[-1]["epoch"])

    def same(self, what: str, wanted: object, got: object) -> None:
        if wanted != got:
            raise Difference(self.acts, what, wanted, got)

    def moments(self, link: LinkTold, told: dict[int, str]) -> None:
        """Compares when versions were made with what was said of them before."""
        for version, at in told.items():
            self.same(f"when version {version} was made", link.moments.setdefault(version, at), at)

    def _version(self, what: str, link: LinkTold, wanted: Body, body: Body) -> None:
        told = dict(body)
        self.moments(link, {1: told.pop("created_at"), wanted["version"]: told.pop("changed_at")})
        self.same(what, {"id": link.id, **wanted}, told)

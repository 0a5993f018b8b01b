"""Two people act on one link at the same instant, 1,000 times: no change is lost, told twice or left out."""

import asyncio
import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from integration.app import Settings
from shared.contracts import cloudevents, links
from shared.contracts.links import Link
from shared.kafka.topics import LINKS
from tests.component.integration.conftest import Person, World
from tests.component.integration.link_told import differences
from tests.harness import read_topic, until

ROUNDS = 1000
BEGUN = 2  # the version of the active link that the rounds begin with

Lines = dict[int, dict[str, Any]]
Versions = dict[int, Link]


@dataclass(frozen=True)
class Answered:
    """What somebody was answered to an act; every version after `since` was made in its round."""

    who: str
    act: str
    reference: str
    since: int
    answer: httpx.Response

    @property
    def link(self) -> Link:
        return Link.model_validate(self.answer.json())

    def made(self, lines: Lines) -> bool:
        """Whether it made the version that it answers: in one round nobody does the same act twice."""
        line = lines[self.link.version]
        return self.link.version > self.since and (line["act"], line["who"]) == (self.act, self.who)

    def is_as_asked(self, shop: Person) -> bool:
        """Whether the version that is answered is one that the act asks for."""
        if self.act == "change_settings":
            return self.link.settings.client_reference == self.reference
        is_on = self.link.shop_on if self.who == shop.id else self.link.threepl_on
        return is_on == (self.act == "activate")


@pytest.mark.timeout(600)
async def test_of_1000_times_5_acts_at_the_same_instant_every_change_is_told_once_and_every_end_counted(
    world: World, settings: Settings
) -> None:
    shop, threepl = await world.pair()
    path = await active_link(shop, threepl)
    answered = await rounds(path, shop, threepl)
    lines, last = await history(threepl, path), Link.model_validate((await shop.get(path)).json())
    versions = await announced(settings, last.version)
    done = [each for each in answered if not each.answer.is_error]
    assert sorted(each.link.version for each in done if each.made(lines)) == [
        *range(BEGUN + 1, len(lines) + 1)
    ]
    assert [each for each in done if not each.is_as_asked(shop)] == []
    assert [each for each in done if versions[each.link.version] != each.link] == []
    assert sum(each.act == "change_settings" and each.made(lines) for each in done) == ROUNDS
    assert_lines_tell_the_versions(lines, versions)
    assert last == versions[len(lines)]
    assert last.epoch == ends(lines) > ROUNDS / 10


async def active_link(shop: Person, threepl: Person) -> str:
    """The path of a link of the two that is active."""
    link_id = (await shop.post("/links", {"account_id": threepl.id})).json()["id"]
    begun = (await threepl.post(f"/links/{link_id}/activate")).json()
    assert (begun["status"], begun["version"]) == ("active", BEGUN)
    return f"/links/{link_id}"


async def rounds(path: str, shop: Person, threepl: Person) -> list[Answered]:
    """What both were answered, round by round."""
    answered: list[Answered] = []
    since = BEGUN
    for number in range(ROUNDS):
        answers = await one_round(path, shop, threepl, f"round {number}", since)
        since = max(each.link.version for each in answers if not each.answer.is_error)
        answered += answers
    return answered


async def one_round(path: str, shop: Person, threepl: Person, reference: str, since: int) -> list[Answered]:
    """Both activate and deactivate, and the 3PL changes settings, at the same instant and in any order."""
    acts = [*itertools.product((shop, threepl), ("activate", "deactivate")), (threepl, "change_settings")]
    random.shuffle(acts)
    answers = await asyncio.gather(*(sent(path, who, act, reference) for who, act in acts))
    refused = {answer.json()["type"].rpartition("/")[2] for answer in answers if answer.is_error}
    assert refused <= {"waiting-for-other-side"}
    return [
        Answered(who.id, act, reference, since, answer)
        for (who, act), answer in zip(acts, answers, strict=True)
    ]


async def sent(path: str, who: Person, act: str, reference: str) -> httpx.Response:
    if act == "change_settings":
        return await who.put(f"{path}/settings", {"client_reference": reference})
    return await who.post(f"{path}/{act}")


async def history(reader: Person, path: str) -> Lines:
    """The link's history by version; each is there once and none left out."""
    lines: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 200}
    while True:
        page = (await reader.get(f"{path}/history", **query)).json()
        lines += page["history"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert [line["version"] for line in lines] == [*range(len(lines), 0, -1)]
    return {line["version"]: line for line in lines}


async def announced(settings: Settings, last: int) -> Versions:
    """The one link's versions on the topic, in order, once the last is there; each is there once."""

    async def found() -> list[Link]:
        records = await read_topic(settings.kafka_bootstrap_servers, settings.topic_prefix + LINKS)
        told = [links.read(cloudevents.read(record.value, record.headers)) for record in records]
        return told if told and told[-1].version >= last else []

    told: list[Link] = await until(f"version {last} is announced", found)
    assert [link.version for link in told] == [*range(1, last + 1)]
    return {link.version: link for link in told}


def assert_lines_tell_the_versions(lines: Lines, versions: Versions) -> None:
    """Each line is one act, and its changes are those from the version before to its own."""
    for before, after in itertools.pairwise(versions.values()):
        assert lines[after.version]["changes"] == differences(_state(before), _state(after))


def ends(lines: Lines) -> int:
    """How often the link became inactive, as its history tells."""
    changed: Iterable[Any] = (line["changes"].get("status") for line in lines.values())
    return sum(change == {"from": "active", "to": "inactive"} for change in changed)


def _state(link: Link) -> dict[str, Any]:
    return link.model_dump(mode="json", exclude={"id", "created_at", "changed_at"})

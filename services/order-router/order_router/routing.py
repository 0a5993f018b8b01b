"""Which link an order goes to: a pure function of the shop's links, with the reason for each."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from shared.contracts.links import Link


class Verdict(BaseModel):
    """Why a link was chosen or passed over."""

    model_config = ConfigDict(frozen=True)

    link_id: str
    reason: str


class Decision(BaseModel):
    """The link an order goes to (None: it stays with the shop), and every link that was considered."""

    model_config = ConfigDict(frozen=True)

    link_id: str | None
    verdicts: tuple[Verdict, ...]
    reason: str


def decide(links: Iterable[Link]) -> Decision:
    """The active link of the first priority, among equals the older; the same for any order of `links`."""
    ranked = sorted(links, key=_rank)
    active = [link for link in ranked if link.status == "active"]
    chosen = active[0] if active else None
    verdicts = tuple(Verdict(link_id=link.id, reason=_verdict(link, chosen)) for link in ranked)
    if chosen is None:
        return Decision(link_id=None, verdicts=verdicts, reason="the shop has no active link")
    return Decision(link_id=chosen.id, verdicts=verdicts, reason=f"link {chosen.id} comes first")


def _rank(link: Link) -> tuple[object, ...]:
    return link.rules.priority, link.created_at, link.id


def _verdict(link: Link, chosen: Link | None) -> str:
    if link.status != "active":
        return f"is {link.status}"
    if chosen is None or link.id == chosen.id:
        return "chosen"
    if link.rules.priority != chosen.rules.priority:
        return f"priority {link.rules.priority} comes after {chosen.rules.priority}"
    return "is younger than the chosen link"

"""Which link an order goes to: a pure function of it and its shop's links, with the reason for each."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal
from hashlib import blake2b

from pydantic import BaseModel, ConfigDict

from order_router.rules import Facts, refusal
from shared.contracts import assignments
from shared.contracts.links import Link
from shared.contracts.orders import Order
from shared.contracts.rules import Rules

# Decimal's logarithm is correctly rounded, so the same everywhere; that of floats is the machine's own.
_EXACT = Context(prec=12)
_HASH_BYTES = 8

# How many orders were first assigned under each link today; of links without a limit it need not be known.
Counts = Mapping[str, int]


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


def decide(links: Iterable[Link], order: Order, counts: Counts) -> Decision:
    """The link of the shop's that the order goes to; the same for any order of `links` (DESIGN 3).

    Of the active links whose rules let it through and whose limit isn't reached, the first priority's; among
    equals the one it falls to by the shares, then the older. Verdicts are sorted by the links' age; deleted
    links aren't considered.
    """
    considered = (link for link in links if link.status != "deleted")
    by_age = sorted(considered, key=lambda link: (link.created_at, link.id))
    facts = Facts(order)
    refusals = {link.id: _refusal(link, facts) or _full(link, counts) for link in by_age}
    chosen = _first([link for link in by_age if refusals[link.id] is None], order)
    verdicts = tuple(
        Verdict(link_id=link.id, reason=refusals[link.id] or _turn(link, chosen)) for link in by_age
    )
    if chosen is None:
        return Decision(link_id=None, verdicts=verdicts, reason=_nobody(by_age))
    return Decision(link_id=chosen.id, verdicts=verdicts, reason=f"link {chosen.id} comes first")


def _refusal(link: Link, facts: Facts) -> str | None:
    return f"is {link.status}" if link.status != "active" else refusal(link.rules, facts)


def limited(shops: Iterable[Mapping[str, Link]]) -> list[str]:
    """The ids of the shops' active links that have a daily limit."""
    every = (link for links_of_shop in shops for link in links_of_shop.values())
    return [link.id for link in every if link.status == "active" and _limit(link) is not None]


def _limit(link: Link) -> int | None:
    return link.rules.daily_limit if isinstance(link.rules, Rules) else None


def _full(link: Link, counts: Counts) -> str | None:
    most = _limit(link)
    full = most is not None and counts.get(link.id, 0) >= most
    return f"its daily limit of {most} orders is reached" if full else None


def _first(by_age: Sequence[Link], order: Order) -> Link | None:
    first = min((_rules(link).priority for link in by_age), default=None)
    equals = [link for link in by_age if _rules(link).priority == first]
    if len(equals) < 2:
        return equals[0] if equals else None
    key = assignments.key(order.shop, order.id)
    if len({_rules(link).share for link in equals}) == 1:
        return max(equals, key=lambda link: _luck(link.id, key))
    return min(equals, key=lambda link: _distance(_luck(link.id, key), _rules(link).share))


def _luck(link_id: str, order_key: str) -> int:
    """A number of 64 bits that is the pair's own. Of links with equal shares the luckiest gets the order."""
    digest = blake2b(f"{link_id}\0{order_key}".encode(), digest_size=_HASH_BYTES).digest()
    return int.from_bytes(digest, "big")


def _distance(luck: int, share: int) -> Decimal:
    """How far an order is from a link: -ln(u) / share, u being the luck as a number between 0 and 1.

    The nearest link gets the order. Source: weighted rendezvous hashing (Schindelhauer and Schomaker, 2005).
    """
    u = _EXACT.divide(Decimal(2 * luck + 1), Decimal(2 ** (8 * _HASH_BYTES + 1)))
    return _EXACT.divide(-_EXACT.ln(u), Decimal(share))


def _rules(link: Link) -> Rules:
    assert isinstance(link.rules, Rules), "rules that nobody knows let no order through"
    return link.rules


def _turn(link: Link, chosen: Link | None) -> str:
    if chosen is None or link.id == chosen.id:
        return "chosen"
    if _rules(link).priority != _rules(chosen).priority:
        return f"priority {_rules(link).priority} comes after {_rules(chosen).priority}"
    return "by the shares this order falls to the chosen link"


def _nobody(links: Sequence[Link]) -> str:
    if any(link.status == "active" for link in links):
        return "no active link's rules and limit let this order through"
    return "the shop has no active link"

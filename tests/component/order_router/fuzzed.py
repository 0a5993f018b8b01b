"""Messages made wrong by chance out of good order events, each with what must become of it."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from deploy.local import sample_orders as samples
from tests.builders import SHOP, account_id
from tests.component.order_router.planted import Event, planted, with_extra, with_raw, written

# `dead`: a dead letter whose reason holds `reason`; `open`: chance made it, so anything but a loss.
Due = Literal["assigned", "ignored", "dead", "open"]
TOPICS = ("orders.created", "orders.updated", "orders.cancelled")


@dataclass(frozen=True)
class Fuzzed:
    """A message's content, and what is due to it."""

    value: bytes | None
    due: Due
    reason: str = ""
    headers: tuple[tuple[str, bytes], ...] = ()


Mutator = Callable[[random.Random, Event], Fuzzed]


def good(_: random.Random, event: Event) -> Fuzzed:
    return Fuzzed(written(event), "assigned")


def randomwritten(chance: random.Random, _: Event) -> Fuzzed:
    return Fuzzed(b"\xff" + chance.randbytes(chance.randrange(300)), "dead", "no JSON")


def empty(chance: random.Random, _: Event) -> Fuzzed:
    return Fuzzed(chance.choice([None, b""]), "dead", "the message is empty")


def truncated(chance: random.Random, event: Event) -> Fuzzed:
    whole = written(event)
    return Fuzzed(whole[: chance.randrange(1, len(whole))], "dead", "no JSON")


def followed_by_more(chance: random.Random, event: Event) -> Fuzzed:
    return Fuzzed(written(event) + chance.choice([b"x", b"}", b"\x00", written(event)]), "dead", "no JSON")


def flipped_bit(chance: random.Random, event: Event) -> Fuzzed:
    whole = bytearray(written(event))
    whole[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
    return Fuzzed(bytes(whole), "open")


def no_object(chance: random.Random, _: Event) -> Fuzzed:
    value = chance.choice([b"[]", b"1", b'"order"', b"null", b"true", b"[{}]", b"1e999"])
    return Fuzzed(value, "dead", "structured mode wants a JSON object")


def no_order(chance: random.Random, event: Event) -> Fuzzed:
    data = chance.choice([None, 1, "order", [], [event["data"]]])
    return Fuzzed(written({**event, "data": data}), "dead", "no order: the event's data is not a JSON object")


def another_type(chance: random.Random, event: Event) -> Fuzzed:
    """A value of some other type at any place."""
    junk: Any = chance.choice(
        [None, True, 0, -1, 1.5, "", "x", "\x00", [], [[]], {}, {"": {}}, 2**63, -(2**31)]
    )
    return Fuzzed(written(planted(chance, event, junk)), "open")


def huge_number(chance: random.Random, event: Event) -> Fuzzed:
    """A number beyond every type, at any place, as a number or in a string."""
    number = chance.choice(
        ["1" + "0" * 400, "-1" + "0" * 4200, "1" * 5000, "1e999", "-1e999", "1e-999", "0.1e400"]
    )
    return Fuzzed(with_raw(chance, event, chance.choice([number, f'"{number}"'])), "open")


def no_number(chance: random.Random, event: Event) -> Fuzzed:
    raw = chance.choice(["NaN", "Infinity", "-Infinity", "1.", "0x1F", "01", "+1", "1_000", "1e"])
    return Fuzzed(with_raw(chance, event, raw), "dead", "no JSON")


def half_a_character(chance: random.Random, event: Event) -> Fuzzed:
    raw = chance.choice([r'"\ud800"', r'"\udfff\ud800"', r'"\ud800\u0041"', r'"\u12"', '"\x00"', '"\n"'])
    return Fuzzed(with_raw(chance, event, raw), "dead", "no JSON")


def not_utf8(chance: random.Random, event: Event) -> Fuzzed:
    junk = chance.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"])
    return Fuzzed(with_raw(chance, event, '"JUNK"').replace(b"JUNK", junk), "dead", "no JSON")


def nested_too_deep(chance: random.Random, event: Event) -> Fuzzed:
    depth, kind = chance.choice([200, 1000, 20_000]), chance.choice(["[]", "{}"])
    raw = "[" * depth + "]" * depth if kind == "[]" else '{"a":' * depth + "1" + "}" * depth
    return Fuzzed(with_raw(chance, event, raw), "dead", "recursion limit")


def nested_deep(chance: random.Random, event: Event) -> Fuzzed:
    depth = chance.choice([10, 100, 150])
    return Fuzzed(with_extra(event, "[" * depth + r'"\u0000"' + "]" * depth), "assigned")


def more_than_it_needs(chance: random.Random, event: Event) -> Fuzzed:
    """Fields nobody knows pass through, whatever they hold; of a field given twice the last counts."""
    raw = chance.choice(
        [r'"\u0000"', "1e308", "1" * 4000, '{"a": 1, "a": 2}', r'"\ud83d\ude00"', r'{"\u0000": ""}']
    )
    return Fuzzed(with_extra(event, raw + ', "fuzz": 1'), "assigned")


def too_large(chance: random.Random, event: Event) -> Fuzzed:
    raw = json.dumps("x" * chance.choice([262_144, 300_000]))
    return Fuzzed(with_extra(event, raw), "dead", "too large")


def unknown_type(chance: random.Random, event: Event) -> Fuzzed:
    unknown = chance.choice(["x", "com.orderdock.link.changed", "com.shopify.orders.delete", "ORDER", "\x00"])
    return Fuzzed(written({**event, "type": unknown}), "ignored")


def another_shop(chance: random.Random, event: Event) -> Fuzzed:
    """One symbol of the shop's id is mistyped, or it is no id of a shop at all."""
    place = chance.randrange(2, len(SHOP))
    mistyped = SHOP[:place] + ("-" if SHOP[place] != "-" else "0") + SHOP[place + 1 :]
    shop = chance.choice([mistyped, "", "1", SHOP.lower(), SHOP + " ", account_id("threepl", 1), "x" * 900])
    return Fuzzed(written({**event, "source": f"/shops/{shop}"}), "dead", "shop")


def shop_that_differs(chance: random.Random, event: Event) -> Fuzzed:
    shop: Any = chance.choice([account_id("shop", 2), 1, 10**4000, None, [], {}, "\x00"])
    document = {**event["data"], "shop": shop}
    wrong = {**event, "type": "com.orderdock.order.created", "data": document}
    return Fuzzed(written(wrong), "dead", "shop: the document says")


def wrong_attribute(chance: random.Random, event: Event) -> Fuzzed:
    name, value, reason = chance.choice(
        [
            ("specversion", "0.3", "specversion"),
            ("id", "", "id"),
            ("id", 7, "id"),
            ("type", None, "type"),
            ("type", "x" * 1025, "type"),
            ("time", "yesterday", "time"),
            ("time", "2026-11-23T12:00:00", "time"),
            ("source", ["/shops"], "source"),
            ("source", f"/stores/{SHOP}", "source"),
            ("subject", {}, "subject"),
        ]
    )
    return Fuzzed(written({**event, name: value}), "dead", reason)


def missing_attribute(chance: random.Random, event: Event) -> Fuzzed:
    name = chance.choice(["id", "source", "type"])
    return Fuzzed(written({key: value for key, value in event.items() if key != name}), "dead", name)


def wild_headers(chance: random.Random, event: Event) -> Fuzzed:
    """Headers of a structured event, which nothing but a few names of them is read of."""
    names = ["content-type", "correlation_id", "ce_type", "", "é", "x" * 500]
    headers = tuple((chance.choice(names), chance.randbytes(chance.randrange(20))) for _ in range(5))
    return Fuzzed(written(event), "assigned", headers=headers)


def binary_mode(chance: random.Random, event: Event) -> Fuzzed:
    headers = {**_attributes(event), "content-type": b"application/json", "x": chance.randbytes(9)}
    return Fuzzed(written(event["data"]), "assigned", headers=tuple(headers.items()))


def binary_mode_not_utf8(chance: random.Random, event: Event) -> Fuzzed:
    name, reason = chance.choice(
        [("ce_source", "shop"), ("ce_time", "time"), ("ce_specversion", "specversion")]
    )
    headers = _attributes(event)
    headers[name] += b"\xff"
    return Fuzzed(written(event["data"]), "dead", reason, tuple(headers.items()))


MUTATORS: tuple[Mutator, ...] = (
    randomwritten, empty, truncated, followed_by_more, flipped_bit, flipped_bit, no_object, no_order,
    another_type, another_type, another_type, huge_number, huge_number, no_number, half_a_character, not_utf8,
    nested_deep, more_than_it_needs, unknown_type, another_shop, shop_that_differs, wrong_attribute,
    missing_attribute, wild_headers, binary_mode, binary_mode_not_utf8,
)  # fmt: skip
RARE = (nested_too_deep, too_large)
EVERY = 500  # of so many one is of the large kinds


@dataclass(frozen=True)
class Sent:
    """A message as it is published; `order_id` is that of the good event it was made of."""

    topic: str
    key: bytes | None
    order_id: str
    fuzzed: Fuzzed


def messages(chance: random.Random, wrong: int, right: int) -> Iterator[Sent]:
    """So many messages made by a mutator, among them so many good ones, each of an order of its own."""
    at = datetime.now(UTC)
    for number in range(wrong + right):
        event = samples.event(number, SHOP, samples.document(number, at), "created", at)
        mutate = good if number * right % (wrong + right) < right else _mutator(chance)
        made = mutate(chance, event)
        key = chance.choice([None, chance.randbytes(8), f"{SHOP}/{number}".encode()])
        if key is None and made.value is None:
            key = b""  # a message needs one of the two
        yield Sent(chance.choice(TOPICS), key, str(event["data"]["id"]), made)


def _mutator(chance: random.Random) -> Mutator:
    return chance.choice(RARE if chance.randrange(EVERY) == 0 else MUTATORS)


def _attributes(event: Event) -> dict[str, bytes]:
    return {f"ce_{name}": event[name].encode() for name in ("specversion", "id", "source", "type", "time")}

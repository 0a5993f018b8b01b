"""The values on the wire: ids with a check character, events in both modes, links and assignments whole."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.contracts import assignments, cloudevents, deliveries, links
from shared.contracts.assignments import Assignment
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.identifiers import ALPHABET, SYMBOLS, ShopId, account_id
from shared.errors import UnreadableMessage
from tests.builders import NOW, SHOP, THREEPL, link

SYMBOL_STRINGS = st.text(ALPHABET, min_size=SYMBOLS, max_size=SYMBOLS)
SHOP_IDS = TypeAdapter(ShopId)


@given(SYMBOL_STRINGS)
def test_an_account_id_is_valid_and_short(symbols: str) -> None:
    made = account_id("shop", symbols)
    assert SHOP_IDS.validate_python(made) == made
    assert len(made) == len("S-7F3K-9QX2")


@given(SYMBOL_STRINGS, st.integers(2, 10), st.sampled_from(ALPHABET))
def test_one_mistyped_symbol_is_always_found(symbols: str, place: int, symbol: str) -> None:
    made = account_id("shop", symbols)
    mistyped = made[:place] + symbol + made[place + 1 :]
    if mistyped == made or made[place] == "-":
        return
    with pytest.raises(ValidationError):
        SHOP_IDS.validate_python(mistyped)


@pytest.mark.parametrize("value", ["", "S-1", THREEPL, SHOP.lower(), SHOP + "0", f" {SHOP}", "S-7F3K-9QXI"])
def test_what_is_no_shop_id(value: str) -> None:
    with pytest.raises(ValidationError):
        SHOP_IDS.validate_python(value)


def test_a_link_is_read_as_it_was_written() -> None:
    whole = link(open_settings={"webhook_url": {"value": None, "version": 1}})
    event = cloudevents.read(links.write(whole), {})
    assert (links.read(event), event.id, event.type) == (whole, "link-1/1", links.LINK_CHANGED)


def test_unknown_fields_are_ignored() -> None:
    event = cloudevents.read(links.write(link()), {})
    assert links.read(event.model_copy(update={"data": {**event.data, "mood": "sunny"}})) == link()


def test_an_assignment_is_read_as_it_was_written_with_its_order_untouched() -> None:
    document = {"id": "1", "total": 0.1, "note": "<é>"}
    whole = Assignment(
        shop_id=SHOP,
        order_id="1",
        sequence=3,
        holder="threepl",
        stage="open",
        threepl_id=THREEPL,
        link_id="link-1",
        epoch=0,
        settings=links.Settings(),
        settings_version=1,
        order=document,
    )
    text = '{"id":"1","total":0.1,"note":"<é>"}'
    event = cloudevents.read(assignments.write(whole, assignments.ASSIGNED, text, NOW), {})
    assert assignments.read(event) == whole
    assert (event.id, event.time) == (f"{SHOP}/1/3", NOW)


@given(st.text(min_size=1, max_size=128), st.text(max_size=200), st.datetimes(timezones=st.timezones()))
def test_an_assignment_is_written_as_its_models_write_it(order_id: str, said: str, at: datetime) -> None:
    whole = Assignment.model_construct(
        shop_id=SHOP,
        order_id=order_id,
        sequence=1,
        holder="threepl",
        stage="open",
        threepl_id=THREEPL,
        link_id="link-1",
        epoch=0,
        settings=links.Settings.model_construct(client_reference=said),
        settings_version=1,
        request=assignments.Request(kind="cancellation", status="open", requested_at=at),
        order={},
    )
    key = assignments.key(SHOP, order_id)
    head = CloudEvent(
        id=f"{key}/1", source=assignments.SOURCE, type=assignments.ASSIGNED, subject=key, time=at
    ).model_dump_json(exclude_none=True)
    data = whole.model_dump_json()[:-1] + ',"order":{"id":1}}'
    assert assignments.write(whole, assignments.ASSIGNED, '{"id":1}', at).decode() == (
        f'{head[:-1]},"datacontenttype":"application/json","data":{data}}}'
    )


def test_an_endpoint_event_says_what_happened_to_it() -> None:
    event = deliveries.EndpointEvent(
        endpoint_id="e", link_id="link-1", threepl_id=THREEPL, url="https://example.com", reason="410 Gone"
    )
    read = cloudevents.read(deliveries.write(event, "e/1", deliveries.ENDPOINT_DISABLED, NOW), {})
    assert deliveries.EndpointEvent.model_validate(read.data) == event


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"a": NaN}', "no JSON"),
        (b'{"a": "\\ud800"}', "no JSON"),
        (b"[]", "wants a JSON object"),
        (b"{}", "id: Field required"),
        (b'{"specversion":"0.3","id":"1","source":"s","type":"t"}', "specversion"),
        (b'{"specversion":"1.0","id":"1","source":"s","type":"t","time":"2026-11-23T10:00:00"}', "time"),
    ],
)
def test_what_is_no_cloudevent_is_refused_with_its_reason(value: bytes | None, reason: str) -> None:
    with pytest.raises(UnreadableMessage, match=reason):
        cloudevents.read(value, {})


@given(st.recursive(st.none() | st.booleans() | st.text() | st.integers(), st.lists), st.binary())
def test_any_bytes_are_an_event_or_refused(data: Any, junk: bytes) -> None:
    event = cloudevents.CloudEvent(id="1", source="s", type="t", time=datetime.now(UTC), data=data)
    try:
        assert cloudevents.read(cloudevents.write(event), {}).type == "t"
        cloudevents.read(junk, {"ce_specversion": b"1.0", "ce_id": junk})
    except UnreadableMessage:
        pass


def test_a_newer_writers_open_setting_leaves_a_link_readable_and_an_impossible_one_does_not() -> None:
    newer = {"packing_slip": {"value": "none", "version": 2}, "charge_to": {"value": "shop", "version": 2}}
    assert set(link(open_settings=newer).open_settings) == {"charge_to"}
    with pytest.raises(ValidationError):
        link(open_settings={"charge_to": {"value": "carrier", "version": 2}})

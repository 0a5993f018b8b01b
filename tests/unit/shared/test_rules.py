"""The shop side's rules on the wire: what each field takes, where a fault is, and that nothing gets lost."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts import cloudevents, links
from shared.contracts.links import Link
from shared.contracts.rules import Condition, FieldName, Operator, Rules, UnknownRules, comparable
from tests.builders import link

WORDS = {"in": ["Mug", "cup 2"], "not_in": ["Mug"], "prefix": "MUG-"}
COUNTS = {"between": [0, 10], "at_least": 3, "at_most": 10**12}
TAKEN: dict[FieldName, dict[str, Any]] = {
    "delivery_country": {"in": ["DE", "AT"], "not_in": ["FR"]},
    "postcode": {"in": ["10115"], "not_in": ["SW1A 1AA"], "prefix": "10", "between": ["10000", "14999"]},
    "sku": WORDS,
    "product_tag": WORDS,
    "total": {"between": ["9.50", "10"], "at_least": "100", "at_most": "0.01"},
    "weight": COUNTS,
    "item_count": COUNTS,
    "shipping_method": WORDS,
    "sales_channel": WORDS,
    "order_tag": WORDS,
}
CELLS = [(field, operator) for field in get_args(FieldName) for operator in get_args(Operator)]


def condition(**changes: Any) -> dict[str, Any]:
    return {"field": "sku", "operator": "in", "value": ["MUG"], **changes}


def faults(document: Any) -> dict[str, str]:
    """What is said of a rules document, by the place it names."""
    with pytest.raises(ValidationError) as refused:
        Rules.model_validate(document)
    return {".".join(map(str, each["loc"])): each["msg"] for each in refused.value.errors()}


@pytest.mark.parametrize(("field", "operator"), CELLS)
def test_each_field_takes_its_operators_and_no_other(field: FieldName, operator: str) -> None:
    taken = TAKEN[field]
    document = {"field": field, "operator": operator, "value": taken.get(operator, "1")}
    if operator in taken:
        read = Condition.model_validate(document)
        assert read.model_dump(mode="json")["value"] == taken[operator]
        return
    with pytest.raises(ValidationError, match=f"{field} takes {', '.join(taken)}"):
        Condition.model_validate(document)


WRONG = [
    ("sku", "in", [], ""),
    ("sku", "in", "MUG", ""),
    ("sku", "in", ["MUG", 7], ".1"),
    ("sku", "not_in", ["MUG", " "], ".1"),
    ("sku", "in", ["x" * 201], ".0"),
    ("sku", "in", ["x"] * 1001, ""),
    ("sku", "prefix", ["MUG"], ""),
    ("sku", "prefix", "", ""),
    ("order_tag", "in", ["a\nb"], ".0"),
    ("order_tag", "prefix", "a\u202eb", ""),
    ("delivery_country", "in", ["DE", "Germany"], ".1"),
    ("delivery_country", "not_in", ["D1"], ".0"),
    ("postcode", "between", ["14999", "10000"], ""),
    ("postcode", "between", ["10000"], ""),
    ("postcode", "between", ["1", "2", "3"], ""),
    ("postcode", "prefix", " - ", ""),
    ("postcode", "in", [10115], ".0"),
    ("total", "at_least", 100, ""),
    ("total", "at_least", "1e3", ""),
    ("total", "at_most", "NaN", ""),
    ("total", "between", ["10", "9.50"], ""),
    ("weight", "at_least", "5", ""),
    ("weight", "at_least", -1, ""),
    ("weight", "at_most", 1.0, ""),
    ("weight", "between", [5, 4], ""),
    ("item_count", "between", [1, True], ".1"),
    ("item_count", "at_most", 10**12 + 1, ""),
    ("item_count", "at_most", None, ""),
]


@pytest.mark.parametrize(("field", "operator", "value", "place"), WRONG)
def test_a_value_of_the_wrong_shape_is_refused_where_it_stands(
    field: str, operator: str, value: Any, place: str
) -> None:
    wrong = condition(field=field, operator=operator, value=value)
    document = {"rules": [{"conditions": [condition()]}, {"conditions": [condition(), wrong]}]}
    assert list(faults(document)) == [f"rules.1.conditions.1.value{place}"]


ELSEWHERE = [
    (condition(field="mood"), "rules.0.conditions.0.field"),
    (condition(operator="like"), "rules.0.conditions.0.operator"),
    (condition(operator="between", value={"low": 1}), "rules.0.conditions.0.operator"),
    (condition(currency="EUR"), "rules.0.conditions.0.currency"),
    (
        {"field": "total", "operator": "at_least", "value": "1", "currency": "€"},
        "rules.0.conditions.0.currency",
    ),
    ({"field": "sku", "operator": "in"}, "rules.0.conditions.0.value"),
    ({"operator": "in", "value": ["MUG"]}, "rules.0.conditions.0.field"),
    ("sku in MUG", "rules.0.conditions.0"),
]


@pytest.mark.parametrize(("wrong", "place"), ELSEWHERE)
def test_any_other_fault_of_a_condition_names_its_field(wrong: Any, place: str) -> None:
    assert list(faults({"rules": [{"conditions": [wrong]}]})) == [place]


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"rules": [{"conditions": []}]}, "rules.0.conditions"),
        ({"rules": [{}]}, "rules.0.conditions"),
        ({"rules": [{"conditions": [condition()] * 21}]}, "rules.0.conditions"),
        ({"rules": [{"conditions": [condition()]}] * 101}, "rules"),
        ({"polarity": "maybe"}, "polarity"),
        ({"priority": 0}, "priority"),
        ({"priority": 1001}, "priority"),
        ({"share": 0}, "share"),
        ({"share": 1001}, "share"),
        ({"daily_limit": 0}, "daily_limit"),
        ({"daily_limit": 1_000_000_001}, "daily_limit"),
    ],
)
def test_rules_beyond_their_bounds_are_refused(document: Any, place: str) -> None:
    assert list(faults(document)) == [place]


def test_a_link_without_rules_gets_every_order_at_the_first_turn() -> None:
    assert Rules().model_dump() == {
        "polarity": "send",
        "rules": (),
        "priority": 1,
        "share": 1,
        "daily_limit": None,
    }


TEXTS = st.sampled_from(["MUG", " mug", "Tee Kanne", "straße", "日本", "١٢", "x" * 200])
POSTCODES = st.sampled_from(["10115", "SW1A 1AA", "1012-ab", "100‑0001"])
AMOUNTS = st.decimals(-(10**9), 10**9, places=2).map(str)
INTEGERS = st.integers(0, 10**12)
VALUES: dict[FieldName, st.SearchStrategy[Any]] = {
    "delivery_country": st.sampled_from(["DE", "fr"]),
    "postcode": POSTCODES,
    "total": AMOUNTS,
    "weight": INTEGERS,
    "item_count": INTEGERS,
}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    field: FieldName = draw(st.sampled_from(get_args(FieldName)))
    operator = draw(st.sampled_from(list(TAKEN[field])))
    one = VALUES.get(field, TEXTS)
    currency = draw(st.sampled_from([None, "EUR"])) if field == "total" else None
    if operator in ("in", "not_in"):
        one = st.lists(one, min_size=1, max_size=5)
    elif operator == "between":
        one = st.tuples(one, one).map(lambda pair: sorted(pair, key=lambda each: comparable(field, each)))
    return {"field": field, "operator": operator, "value": draw(one), "currency": currency}


RULES: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    polarity=st.sampled_from(["send", "dont_send"]),
    rules=st.lists(st.builds(dict, conditions=st.lists(conditions(), min_size=1, max_size=3)), max_size=3),
    priority=st.integers(1, 1000),
    share=st.integers(1, 1000),
    daily_limit=st.none() | st.integers(1, 1_000_000_000),
)


@given(RULES)
def test_rules_are_read_as_they_were_written(document: dict[str, Any]) -> None:
    rules = Rules.model_validate(document)
    whole = link(rules=rules)
    assert Rules.model_validate_json(rules.model_dump_json()) == rules
    assert links.read(cloudevents.read(links.write(whole), {})) == whole
    assert Link.model_validate_json(whole.model_dump_json()).model_dump_json() == whole.model_dump_json()


def test_rules_compare_alike_after_a_condition_has_been_used() -> None:
    used, fresh = (Rules.model_validate({"rules": [{"conditions": [condition()]}]}) for _ in range(2))
    assert used.rules[0].conditions[0].listed == {"mug"}
    assert used == fresh
    assert used.model_dump_json() == fresh.model_dump_json()


def test_a_record_that_holds_only_a_priority_still_reads() -> None:
    event = cloudevents.read(links.write(link()), {})
    older = event.model_copy(update={"data": {**event.data, "rules": {"priority": 2}}})
    assert links.read(older).rules == Rules(priority=2)


NEWER = [
    {"rules": [{"conditions": [{"field": "moon_phase", "operator": "in", "value": ["full"]}]}]},
    {"rules": [{"conditions": [condition(operator="resembles", value={"to": "MUG"})]}]},
    {"polarity": "ask", "priority": 3},
]


@pytest.mark.parametrize("rules", NEWER)
def test_rules_of_a_newer_writer_leave_the_link_readable_and_are_kept_as_they_came(rules: Any) -> None:
    event = cloudevents.read(links.write(link(epoch=4)), {})
    read = links.read(event.model_copy(update={"data": {**event.data, "rules": rules}}))
    assert (read.epoch, isinstance(read.rules, UnknownRules)) == (4, True)
    assert read.model_dump(mode="json")["rules"] == rules
    assert Link.model_validate_json(read.model_dump_json()) == read


def test_fields_of_a_newer_writer_that_nobody_here_knows_are_ignored() -> None:
    document = {"rules": [{"conditions": [{**condition(), "note": "x"}], "name": "mugs"}], "mood": "sunny"}
    assert Rules.model_validate(document) == Rules.model_validate({"rules": [{"conditions": [condition()]}]})


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("delivery_country", "de", "DE"),
        ("postcode", "sw1a-1 aa", "SW1A1AA"),
        ("postcode", "100‑0001", "1000001"),
        ("sku", " Mug ", "mUG"),
        ("product_tag", "STRASSE", "straße"),
        ("total", "10.0", "10"),
        ("weight", 1000, 1000),
    ],
)
def test_values_that_people_write_differently_compare_alike(field: FieldName, one: Any, other: Any) -> None:
    assert comparable(field, one) == comparable(field, other)

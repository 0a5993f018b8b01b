"""Which orders a link may receive and which link comes first: the shop side's choice (DESIGN 3)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationInfo,
    field_validator,
)

from shared.contracts.orders import Currency, Money
from shared.contracts.plain_text import plain

FieldName = Literal[
    "delivery_country",
    "postcode",
    "sku",
    "product_tag",
    "total",
    "weight",
    "item_count",
    "shipping_method",
    "sales_channel",
    "order_tag",
]
Operator = Literal["in", "not_in", "between", "prefix", "at_least", "at_most"]
Polarity = Literal["send", "dont_send"]
Value = tuple[str, ...] | tuple[int, ...] | str | int

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(plain)
]
CountryCode = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z]{2}$")]
Count = Annotated[int, Field(strict=True, ge=0, le=10**12)]

_NOT_IN_A_POSTCODE = re.compile(r"[\s\u2010-\u2015-]+")


@dataclass(frozen=True)
class _Kind:
    """What a field's values are, which operators it takes, and by what two of its values compare."""

    value: Any
    operators: tuple[Operator, ...]
    comparable: Callable[[Any], Any]


def _folded(text: str) -> str:
    return text.strip().casefold()


def _joined(postcode: str) -> str:
    return _NOT_IN_A_POSTCODE.sub("", postcode).upper()


def _postcode(text: str) -> str:
    if not _joined(text):
        raise ValueError("must hold more than blanks and dashes")
    return text


_COUNTRY = _Kind(CountryCode, ("in", "not_in"), str.upper)
_POSTCODE = _Kind(Annotated[Text, AfterValidator(_postcode)], ("in", "not_in", "prefix", "between"), _joined)
_WORD = _Kind(Text, ("in", "not_in", "prefix"), _folded)
_AMOUNT = _Kind(Money, ("between", "at_least", "at_most"), Decimal)
_COUNT = _Kind(Count, ("between", "at_least", "at_most"), Decimal)
_KINDS: dict[FieldName, _Kind] = {
    "delivery_country": _COUNTRY,
    "postcode": _POSTCODE,
    "sku": _WORD,
    "product_tag": _WORD,
    "total": _AMOUNT,
    "weight": _COUNT,
    "item_count": _COUNT,
    "shipping_method": _WORD,
    "sales_channel": _WORD,
    "order_tag": _WORD,
}


def comparable(field: FieldName, value: str | int) -> Any:
    """What stands for a field's value when it is compared: text or, for numbers, a Decimal.

    Countries compare in upper case; postcodes too, without blanks and dashes; SKUs, tags, methods and
    channels in any case, without blanks around them. A range of postcodes is one of texts, which for digits
    of equal length is one of numbers.
    """
    return _KINDS[field].comparable(value)


class Condition(BaseModel):
    """What must hold of one field of an order; `value` has the shape that the operator wants.

    `in` and `not_in` take 1 to 1000 values, `between` the lowest and the highest (both included), `prefix`,
    `at_least` and `at_most` one. A `total` is a decimal string and compares as the number it is, whatever
    the order's currency; with a `currency` it holds only for orders in that one. `weight` is of the whole
    order in grams, `item_count` counts pieces.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    field: FieldName
    operator: Operator
    value: Value = Field(description="Texts, or for weight and item_count integers; a total is a string.")
    currency: Currency | None = Field(default=None, description="For a total: only orders in it.")

    @field_validator("operator")
    @classmethod
    def _of_the_field(cls, operator: Operator, info: ValidationInfo) -> Operator:
        field = info.data.get("field")
        if field is not None and operator not in _KINDS[field].operators:
            raise ValueError(f"{field} takes {', '.join(_KINDS[field].operators)}")
        return operator

    @field_validator("value", mode="before")
    @classmethod
    def _of_the_operator(cls, value: Any, info: ValidationInfo) -> Any:
        """Where field or operator is wrong, that is said already and nothing can be said of the value."""
        if "field" not in info.data or "operator" not in info.data:
            return ""
        return _shape(info.data["field"], info.data["operator"]).validate_python(value)

    @field_validator("currency")
    @classmethod
    def _of_a_total(cls, currency: str | None, info: ValidationInfo) -> str | None:
        if currency is not None and info.data.get("field", "total") != "total":
            raise ValueError("only a total has a currency")
        return currency

    @cached_property
    def values(self) -> tuple[Any, ...]:
        """The value or values as they compare."""
        given = self.value if isinstance(self.value, tuple) else (self.value,)
        return tuple(comparable(self.field, each) for each in given)

    @cached_property
    def listed(self) -> frozenset[Any]:
        """The values, to look one up."""
        return frozenset(self.values)


class Rule(BaseModel):
    """Conditions that must all hold."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    conditions: tuple[Condition, ...] = Field(max_length=20, json_schema_extra={"minItems": 1})

    @field_validator("conditions")
    @classmethod
    def _some(cls, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        # As `min_length` it would be said of every rule with a fault in its only condition too.
        if not conditions:
            raise ValueError("a rule needs at least one condition")
        return conditions


class Rules(BaseModel):
    """The shop side's choice of the orders that a link may receive, and of its turn among the shop's links.

    Under `send` an order goes to the link if any rule holds or there are none, under `dont_send` unless one
    holds. Of the links that may have it the lowest `priority` gets it; among equals orders are shared out by
    the weights `share`. `daily_limit` is in orders a UTC day; None: no limit.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    polarity: Polarity = "send"
    rules: tuple[Rule, ...] = Field(default=(), max_length=100)
    priority: int = Field(default=1, ge=1, le=1000)
    share: int = Field(default=1, ge=1, le=1000)
    daily_limit: int | None = Field(default=None, ge=1, le=1_000_000_000)


class UnknownRules(BaseModel):
    """Rules of a newer writer that this reader doesn't know, kept as they came; no order goes by them."""

    model_config = ConfigDict(frozen=True, extra="allow")


@cache
def _shape(field: FieldName, operator: Operator) -> TypeAdapter[Any]:
    return TypeAdapter(_type(field, operator))


def _type(field: FieldName, operator: Operator) -> Any:
    one = _KINDS[field].value
    several = GenericAlias(list, one)
    if operator in ("in", "not_in"):
        return Annotated[several, Field(min_length=1, max_length=1000), AfterValidator(tuple)]
    if operator == "between":
        ordered = AfterValidator(lambda bounds: _ordered(field, bounds))
        return Annotated[several, Field(min_length=2, max_length=2), ordered]
    return one


def _ordered(field: FieldName, bounds: list[Any]) -> tuple[Any, ...]:
    low, high = (comparable(field, bound) for bound in bounds)
    if low > high:
        raise ValueError("must be the lowest and then the highest")
    return tuple(bounds)

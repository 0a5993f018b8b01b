"""Values and documents as other systems write them, read into what an order takes."""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from shared.contracts import orders

_MORE_THAN_A_MILLIONTH = re.compile(r"-?[0-9]+\.[0-9]{7,}")


def _id(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError("an id is an integer or a string; a float loses digits beyond 2^53")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _money(value: Any) -> Any:
    """Numbers, and strings with too many digits after the point, are rounded to a millionth."""
    if isinstance(value, bool) or not (isinstance(value, int | float) or _is_long(value)):
        return value
    try:
        return format(round(Decimal(str(value)), 6).normalize(), "f")
    except ArithmeticError as error:
        raise ValueError("is no amount of money") from error


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and _MORE_THAN_A_MILLIONTH.fullmatch(value) is not None


def _code(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


Id = Annotated[str, BeforeValidator(_id)]
Money = Annotated[orders.Money, BeforeValidator(_money)]
Currency = Annotated[orders.Currency, BeforeValidator(_code)]
Country = Annotated[orders.Country, BeforeValidator(_code)]


class Part(BaseModel):
    """A document or a part of one; what is null or empty text in it counts as missing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        return {name: value for name, value in document.items() if value is not None and value != ""}


def is_blank(document: Mapping[str, Any], but: str = "") -> bool:
    """Whether no field says anything, apart from the one named."""
    return all(value in (None, "") for name, value in document.items() if name != but)


def rest(source: str, document: Mapping[str, Any], placed: Collection[str]) -> dict[str, Any]:
    """What has no place of its own in the order document: untouched, under the source's name."""
    kept = {name: value for name, value in document.items() if name not in placed}
    return {source: kept} if kept else {}

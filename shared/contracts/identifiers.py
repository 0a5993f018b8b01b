"""Public ids of accounts: short, readable aloud, with a check character."""

import re
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

AccountKind = Literal["shop", "threepl", "operator"]

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SYMBOLS = 7  # random symbols before the check character: 35 bits

_LETTERS: dict[AccountKind, str] = {"shop": "S", "threepl": "T", "operator": "O"}
_SHAPE = re.compile(rf"([STO])-([{ALPHABET}]{{4}})-([{ALPHABET}]{{3}})([{ALPHABET}])")


def check_character(symbols: str) -> str:
    """The Luhn mod N check character (N = 32) of `symbols`, from `ALPHABET`.

    Finds every single wrong symbol and nearly every swap of two neighbours.
    """
    total = 0
    for place, symbol in enumerate(reversed(symbols)):
        addend = ALPHABET.index(symbol) * (2 if place % 2 == 0 else 1)
        total += addend // len(ALPHABET) + addend % len(ALPHABET)
    return ALPHABET[-total % len(ALPHABET)]


def account_id(kind: AccountKind, symbols: str) -> str:
    """The id of an account, `S-7F3K-9QXC`, from seven symbols of `ALPHABET` chosen by chance."""
    whole = symbols + check_character(symbols)
    return f"{_LETTERS[kind]}-{whole[:4]}-{whole[4:]}"


def _checked(letter: str, what: str, value: str) -> str:
    match = _SHAPE.fullmatch(value)
    if match is None or match[1] != letter:
        raise ValueError(f"a {what} id looks like {letter}-7F3K-9QX and a check character")
    if check_character(match[2] + match[3]) != match[4]:
        raise ValueError(f"the check character of this {what} id is wrong: one of its symbols is mistyped")
    return value


# The same few accounts come again and again: each order names its shop and its 3PL many times.
@lru_cache(maxsize=2**14)
def _shop(value: str) -> str:
    return _checked("S", "shop", value)


@lru_cache(maxsize=2**14)
def _threepl(value: str) -> str:
    return _checked("T", "3PL", value)


def _account(value: str) -> str:
    return _threepl(value) if value.startswith("T") else _shop(value)


ShopId = Annotated[str, Field(max_length=16), AfterValidator(_shop)]
ThreeplId = Annotated[str, Field(max_length=16), AfterValidator(_threepl)]
AccountId = Annotated[str, Field(max_length=16), AfterValidator(_account)]

"""An account: a shop, a 3PL or an operator, with its plan (DESIGN 2.1 and 2.4)."""

from datetime import datetime
from typing import Annotated, Literal

from email_validator import validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from integration.languages import Language
from shared.contracts.identifiers import ALPHABET, SYMBOLS, AccountKind
from shared.contracts.links import Side
from shared.contracts.plain_text import plain
from shared.errors import Problem

Plan = Literal["free", "grow", "conquer"]


def _seen(name: str) -> str:
    """The name itself; raises ValueError if there is nothing of it to see."""
    if not any(character.isalnum() for character in name):
        raise ValueError("must hold a letter or a digit")
    return name


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(plain),
    AfterValidator(_seen),
]


def _address(text: str) -> str:
    """One plain address in lower case, its domain in ASCII; raises ValueError (RFC 5321, 4.1.2)."""
    read = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    return f"{read.ascii_local_part}@{read.ascii_domain}".lower()


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254),
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]

WORDS: dict[AccountKind, str] = {"shop": "shop", "threepl": "3PL", "operator": "operator"}
WITH_ARTICLE: dict[AccountKind, str] = {"shop": "a shop", "threepl": "a 3PL", "operator": "an operator"}
_PLANS_THAT_LINK: dict[Side, tuple[Plan, ...]] = {"shop": ("grow", "conquer"), "threepl": ("conquer",)}


class Account(BaseModel):
    """One account; its e-mail, in lower case, is unique among the accounts of its kind."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(examples=["S-7F3K-9QXC"])
    kind: AccountKind
    email: str
    name: str
    plan: Plan
    language: Language = Field(default="en", description="Of the mails to this account.")
    created_at: datetime


def symbols(chance: int) -> str:
    """The random symbols of an account's id from a number below `len(ALPHABET) ** SYMBOLS`."""
    chosen = []
    for _ in range(SYMBOLS):
        chance, place = divmod(chance, len(ALPHABET))
        chosen.append(ALPHABET[place])
    return "".join(chosen)


def allows_links(side: Side, plan: Plan) -> bool:
    """Whether a side on this plan may start a link or turn its switch on (DESIGN 2.4)."""
    return plan in _PLANS_THAT_LINK[side]


def require_plan(side: Side, plan: Plan) -> None:
    """Raises the 403 problem `plan-required` unless the plan allows links."""
    if not allows_links(side, plan):
        enough = _PLANS_THAT_LINK[side]
        wanted = " or ".join(enough)
        raise Problem(
            403,
            "plan-required",
            f"A {WORDS[side]} needs the plan {wanted} to start or activate a link; this account's is {plan}.",
            plan=plan,
            plans=list(enough),
        )

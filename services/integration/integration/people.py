"""A person of an account: signs in, acts in roles, may be limited to some client shops (DESIGN 2.1)."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, SecretStr

from shared.contracts.callers import Caller, Role, Scope
from shared.contracts.identifiers import AccountKind, ShopId
from shared.errors import Problem

ID_PREFIX = "person_"
# They travel in every access token, which must fit in a header.
MOST_CLIENTS = 300
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200


def _utf8(password: SecretStr) -> SecretStr:
    """The password itself, which is hashed as UTF-8; raises ValueError if that can't write it."""
    try:
        password.get_secret_value().encode()
    except UnicodeEncodeError as error:
        raise ValueError("must not hold a lone surrogate") from error
    return password


Password = Annotated[
    SecretStr, Field(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD), AfterValidator(_utf8)
]


def _repeats_fold(schema: dict[str, Any]) -> None:
    """What is given twice counts once, so the document doesn't ask for unique items."""
    schema.pop("uniqueItems", None)


# Sets, written in one order.
Roles = Annotated[
    frozenset[Role],
    Field(min_length=1, json_schema_extra=_repeats_fold),
    PlainSerializer(sorted, return_type=list[Role]),
]
Clients = Annotated[
    frozenset[ShopId],
    Field(min_length=1, max_length=MOST_CLIENTS, json_schema_extra=_repeats_fold),
    PlainSerializer(sorted, return_type=list[str]),
]

_SCOPES: frozenset[Scope] = frozenset({"read", "write"})


class Person(BaseModel):
    """One person; the e-mail, in lower case, is unique among the people of accounts of one kind.

    `clients` limits a 3PL's person to the links with these shops; None: no limit.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    account_id: str
    kind: AccountKind
    email: str
    name: str
    roles: Roles
    clients: Clients | None = None
    created_at: datetime

    def as_caller(self) -> Caller:
        """Who calls when this person does; people may read and write, their roles say what."""
        return Caller(
            account=self.account_id,
            kind=self.kind,
            subject=self.id,
            roles=self.roles,
            scopes=_SCOPES,
            clients=self.clients,
        )


def require_clients_of_threepl(kind: AccountKind, clients: frozenset[str] | None) -> None:
    """Raises the 422 problem if somebody who is no 3PL's person is limited to client shops."""
    if clients is not None and kind != "threepl":
        detail = "only people of a 3PL can be limited to client shops; leave it out"
        errors = [{"field": "clients", "detail": detail}]
        raise Problem(422, "invalid-request", f"clients: {detail}", errors=errors)

"""Finding the other side: by its exact account id or its exact e-mail, and in no other way (DESIGN 2.2)."""

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from integration.accounts import Account, Email
from integration.store import accounts
from shared.contracts.callers import Caller, Scope
from shared.contracts.identifiers import AccountId
from shared.contracts.links import Side
from shared.errors import Problem, forbidden


class Wanted(BaseModel):
    """The other side, by its exact account id or its exact e-mail: one of the two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account_id: AccountId | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.account_id is None) == (self.email is None):
            raise ValueError("give either account_id or email of the other side")
        return self

    @classmethod
    def of(cls, account_id: str, email: str) -> Self:
        """What a query names; raises the 422 problem `invalid-request`."""
        try:
            return cls.model_validate({"account_id": account_id or None, "email": email or None})
        except ValidationError as error:
            faults = [
                {"field": ".".join(map(str, fault["loc"])), "detail": fault["msg"]}
                for fault in error.errors()
            ]
            first = faults[0]
            detail = f"{first['field'] or 'query'}: {first['detail']}"
            raise Problem(422, "invalid-request", detail, errors=faults) from error


def acting_side(caller: Caller, scope: Scope) -> Side:
    """The side on which the caller acts; raises the 403 problem if it has none, or is no manager."""
    if caller.kind == "operator":
        raise forbidden("Operators read links; only the two sides change them.")
    caller.require(scope, "administrator", "manager")
    return caller.kind


def other(side: Side) -> Side:
    return "threepl" if side == "shop" else "shop"


async def find_other(connection: AsyncConnection, side: Side, wanted: Wanted) -> Account | None:
    """The account on the other side, if there is one."""
    kind = other(side)
    if wanted.account_id is not None:
        found = await accounts.find(connection, wanted.account_id)
    else:
        found = await accounts.find_by_email(connection, kind, wanted.email or "")
    return found if found is not None and found.kind == kind else None

"""Who calls an API: what an access token claims (DESIGN 7)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.identifiers import AccountKind
from shared.errors import forbidden

Role = Literal["administrator", "manager", "warehouse", "support"]
Scope = Literal["read", "write"]


class Caller(BaseModel):
    """Who calls: an account of a kind, in some roles, with some scopes; `clients` limits a 3PL's shops.

    `subject` is the person or the API key that speaks for the account.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    account: str
    kind: AccountKind
    subject: str
    roles: frozenset[Role] = frozenset()
    scopes: frozenset[Scope] = frozenset()
    clients: frozenset[str] | None = None

    def require(self, scope: Scope, *roles: Role) -> None:
        """Raises the 403 problem unless the caller has the scope and one of the roles (none named: any)."""
        if scope not in self.scopes:
            raise forbidden(f"This needs a token with the scope {scope!r}.")
        if roles and not self.roles & set(roles):
            raise forbidden(f"This needs one of the roles: {', '.join(roles)}.")

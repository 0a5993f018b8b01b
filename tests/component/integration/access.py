"""A row of the table of who may call what: for each kind of caller, the status of the answer.

A column holds one status, or four: of an administrator, a manager, warehouse and support.

| column | who calls | unless said |
| --- | --- | --- |
| `own` | the account whose things the path and the body name | 200 |
| `partner` | the account on the other side of its link | as `stranger` |
| `same`, `other` | accounts with nothing to do with it, of its own kind and of the other | as `stranger` |
| `stranger` | all three of them | 404 |
| `limited` | people of the 3PL itself, limited to the shop of another client | as `own` |
| `operator` | operators | 200 |
| `nobody` | no token | 401 |
| `everybody` | all of them; the route asks for no token | |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.callers import Role
from shared.contracts.links import Side

ROLES: tuple[Role, ...] = ("administrator", "manager", "warehouse", "support")
READS = ("GET", "HEAD")
HOLDER = ("nobody",)


@dataclass(frozen=True)
class Row:
    """One call; `{name}` in what it sends is a thing of the account, or `mine` or `other_side` of the caller.

    `given` takes the place of things in the path. `of`: only where the things are of this side. `by`: only
    these columns call; `HOLDER` does so with a secret of the account. `lists`: what is listed, to strangers
    nothing. `reveals`: what strangers learn on purpose. `idle`: it changes nothing although it is let in.
    """

    method: str
    path: str
    body: Any = None
    form: Mapping[str, str] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    own: str = "200"
    stranger: str = "404"
    partner: str | None = None
    same: str | None = None
    other: str | None = None
    limited: str | None = None
    operator: str = "200"
    nobody: str | None = None
    everybody: str | None = None
    of: Side | None = None
    by: tuple[str, ...] = ()
    lists: str | None = None
    reveals: frozenset[str] = frozenset()
    idle: bool = False

    @property
    def route(self) -> tuple[str, str]:
        return self.method, self.path

    @property
    def is_open(self) -> bool:
        return self.everybody is not None

    def __str__(self) -> str:
        sent = {**self.given, **self.query, **(self.form or {}), **(self.body or {})}
        return f"{self.method} {self.path} {sent or ''}"

    def expected(self, column: str, role: Role) -> int:
        """The status of the answer to a caller of this column in this role."""
        statuses = self._said(column).split()
        return int(statuses[ROLES.index(role)] if len(statuses) > 1 else statuses[0])

    def _said(self, column: str) -> str:
        if column == "nobody":
            return self.nobody or self.everybody or "401"
        said: str | None = self.everybody or getattr(self, column)
        return said or (self.own if column == "limited" else self.stranger)

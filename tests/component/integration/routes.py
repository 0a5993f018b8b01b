"""Every route of the integration service, with who may call it and what they get."""

from collections.abc import Mapping
from typing import Any

from shared.contracts.links import Side
from tests.component.integration.access import HOLDER, READS, Row

_ADMINISTER, _MANAGE = "{} 403 403 403", "{0} {0} 403 403"
_ACCOUNT, _LINK, _INVITATION = "/accounts/{account_id}", "/links/{link_id}", "/invitations/{invitation_id}"
_KEYS, _PEOPLE = f"{_ACCOUNT}/api-keys", f"{_ACCOUNT}/people"
_KEY, _PERSON = f"{_KEYS}/{{key_id}}", f"{_PEOPLE}/{{person_id}}"
_NAMED = frozenset({"account_id", "account_name"})

Columns = Mapping[str, Any]


def _only_operators(status: int) -> Columns:
    return {"own": "403", "stranger": "403", "operator": _ADMINISTER.format(status)}


def _administers(status: int) -> Columns:
    """What an administrator does in the account, if not limited to some client shops."""
    return {"own": _ADMINISTER.format(status), "limited": "403", "operator": _ADMINISTER.format(status)}


def _under_mine(status: int) -> Columns:
    """The same with the account's thing under the caller's own account."""
    nothing = _ADMINISTER.format(404)
    return {
        **_administers(status),
        "stranger": nothing,
        "operator": nothing,
        "given": {"account_id": "{mine}"},
    }


def _managed(own: int, partner: int, stranger: int = 404, limited: str = "404") -> Columns:
    """What administrators and managers do on either side of a link, and operators don't."""
    return {
        "own": _MANAGE.format(own),
        "partner": _MANAGE.format(partner),
        "stranger": _MANAGE.format(stranger),
        "limited": limited if limited == "403" else _MANAGE.format(limited),
        "operator": "403",
    }


def _one_side(side: Side, path: str, body: Any) -> list[Row]:
    """What is that side's of a link to change."""
    may, may_not = _MANAGE.format(200), "403"
    columns = {**_managed(200, 200), "body": body}
    return [
        Row("PUT", path, **{**columns, "of": each, "own": own, "partner": partner})
        for each, own, partner in (
            (side, may, may_not),
            ("threepl" if side == "shop" else "shop", may_not, may),
        )
    ]


def _found(query: Columns) -> Row:
    return Row(
        "GET",
        "/directory",
        query=query,
        own=_MANAGE.format(404),
        stranger=_MANAGE.format(200),
        same=_MANAGE.format(404),
        operator="403",
        reveals=_NAMED,
    )


_NEW_ACCOUNT = {"kind": "shop", "email": "new@shop.example", "name": "New"}
_NEW_PERSON = {"name": "Bo", "email": "bo@new.example", "roles": ["administrator"]}
_CHANGED = {"name": "Bo", "roles": ["administrator"]}

ACCOUNTS = [
    Row("POST", "/accounts", _NEW_ACCOUNT, **_only_operators(201)),
    Row("GET", "/accounts", **{**_only_operators(200), "operator": "200"}),
    Row("GET", _ACCOUNT),
    Row("PUT", f"{_ACCOUNT}/plan", {"plan": "grow"}, **_only_operators(200)),
    _found({"account_id": "{account_id}"}),
    _found({"email": "{account_email}"}),
    Row("POST", _KEYS, {"name": "till", "scopes": ["read", "write"]}, **_administers(201)),
    Row("GET", _KEYS, **_administers(200)),
    Row("DELETE", _KEY, **_administers(204)),
    Row("DELETE", _KEY, **_under_mine(204)),
    Row("POST", _PEOPLE, _NEW_PERSON, **_administers(201)),
    Row("GET", _PEOPLE, **_administers(200)),
    Row("GET", _PERSON, **_administers(200)),
    Row("GET", _PERSON, **_under_mine(200)),
    Row("PUT", _PERSON, _CHANGED, **_administers(200)),
    Row("PUT", _PERSON, _CHANGED, **_under_mine(200)),
    Row("DELETE", _PERSON, **_administers(204)),
    Row("DELETE", _PERSON, **_under_mine(204)),
]

_GRANT = {"grant_type": "client_credentials", "client_id": "{key_id}"}
_PERSON_OF = {"kind": "{kind}", "email": "{person_email}"}
_NEW = {"name": "New", "person_name": "Bo", "password": "a new password"}
_REFRESH = {"refresh_token": "{refresh_token}"}
_INVITED = {"token": "{invitation_token}"}
_WRONG = {"token": "wrong", "refresh_token": "wrong", "password": "wrong"}


def _secret(
    path: str, body: Columns, secret: Columns, right: str, wrong: str, *, idle: bool = False
) -> list[Row]:
    """A route that asks for no token: called with the account's own secret, and with a wrong one."""
    guessed = {name: _WRONG[name] for name in secret}
    # A password takes long to check.
    by = ("nobody", "same") if "password" in secret else ()
    return [
        Row("POST", path, {**body, **secret}, everybody=right, by=HOLDER, idle=idle),
        Row("POST", path, {**body, **guessed}, everybody=wrong, by=by, idle=True),
    ]


OPEN = [
    Row(
        "POST",
        "/oauth/token",
        form={**_GRANT, "client_secret": "{key_secret}"},
        everybody="200",
        by=HOLDER,
        idle=True,
    ),
    Row("POST", "/oauth/token", form={**_GRANT, "client_secret": "wrong"}, everybody="400", nobody="401"),
    Row("GET", "/.well-known/jwks.json", everybody="200"),
    *_secret("/sessions", _PERSON_OF, {"password": "{password}"}, "201", "401"),
    *_secret("/sessions/refresh", {}, _REFRESH, "200", "401"),
    *_secret("/sessions/end", {}, _REFRESH, "204", "204"),
    Row("POST", "/password-resets", _PERSON_OF, everybody="204"),
    *_secret("/passwords", {"password": "a new password"}, {"token": "{password_token}"}, "204", "409"),
    *_secret("/invitations/look", {}, _INVITED, "200", "409", idle=True),
    *_secret("/invitations/accept", _NEW, _INVITED, "201", "409"),
    *_secret("/invitations/decline", {}, _INVITED, "204", "409"),
    # Not in the OpenAPI document.
    *(Row(method, "/openapi.json", everybody="200") for method in READS),
    Row("GET", "/health/live", everybody="200"),
    Row("GET", "/health/ready", everybody="200"),
    Row("GET", "/metrics", everybody="404"),
]

_ATTACH = "/invitations/attach"
_OF_OTHERS: Columns = {"partner": _MANAGE.format(200), "other": _MANAGE.format(200), "operator": "403"}

LINKS = [
    Row("POST", _ATTACH, {"token": "wrong"}, **_managed(409, 409, 409, "409")),
    Row("POST", _ATTACH, _INVITED, own="403", same="403", reveals=_NAMED | {"invited_link"}, **_OF_OTHERS),
    Row("GET", "/invitations", lists="invitations", stranger="200"),
    Row("GET", _INVITATION, limited="404"),
    Row("POST", f"{_INVITATION}/resend", **_managed(200, 404)),
    Row("POST", f"{_INVITATION}/withdraw", **_managed(200, 404)),
    Row("POST", "/links", {"account_id": "{other_side}"}, **_managed(201, 201, 201, "403")),
    Row(
        "POST",
        "/links",
        {"account_id": "{account_id}"},
        **{**_managed(404, 409), "other": _MANAGE.format(201)},
        reveals=_NAMED,
    ),
    Row("GET", "/links", lists="links", stranger="200"),
    Row("GET", _LINK, partner="200", limited="404"),
    Row("GET", f"{_LINK}/history", partner="200", limited="404"),
    Row("POST", f"{_LINK}/activate", **_managed(200, 200), idle=True),
    Row("POST", f"{_LINK}/deactivate", **_managed(200, 200)),
    Row("DELETE", _LINK, **_managed(200, 200)),
    *_one_side("threepl", f"{_LINK}/settings", {"charge_to": "shop"}),
    *_one_side("shop", f"{_LINK}/rules", {"priority": 7}),
]

_LETTERS, _LETTER = "/dead-letters", "/dead-letters/{letter_id}"
_READ_BY_OPERATORS: Columns = {"own": "403", "stranger": "403"}
_PUT_BACK: Columns = {**_READ_BY_OPERATORS, "operator": _MANAGE.format(200), "idle": True}

DEAD_LETTERS = [
    Row("GET", _LETTERS, **_READ_BY_OPERATORS),
    Row("GET", _LETTER, **_READ_BY_OPERATORS),
    Row("POST", f"{_LETTER}/put-back", **_PUT_BACK),
    Row("POST", f"{_LETTERS}/put-back", {"reason": "no JSON"}, **_PUT_BACK),
]

ROWS = (*ACCOUNTS, *OPEN, *LINKS, *DEAD_LETTERS)

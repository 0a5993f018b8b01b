"""Makes an operator: `python -m integration.operators create EMAIL`; no API can make the first."""

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import ProgrammingError

from integration.accounts import Email
from integration.api_keys import IssuedApiKey
from integration.registration import issue_key, open_account
from shared.database import Database
from shared.errors import Problem, SettingsWrong
from shared.settings import ServiceSettings, load

_NO_TABLE = "42P01"


async def create(settings: ServiceSettings, email: str) -> IssuedApiKey:
    """A new operator's key, good for reading and writing.

    Raises the problems `email-taken` and `invalid-request`, and `SettingsWrong` if there are no tables.
    """
    database = Database(settings.database_url)
    try:
        async with database.transaction() as connection:
            now, address = datetime.now(UTC), _address(email)
            account = await open_account(connection, "operator", address, address, now)
            return await issue_key(connection, account.id, "first key", ["read", "write"], now)
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) != _NO_TABLE:
            raise
        raise SettingsWrong(
            "DATABASE_URL: the database has no tables yet; run `orderdock-integration migrate` first"
        ) from error
    finally:
        await database.close()


def _address(email: str) -> str:
    try:
        return TypeAdapter[str](Email).validate_python(email)
    except ValidationError as error:
        raise Problem(422, "invalid-request", f"{email!r} is no e-mail address.") from error


def said(key: IssuedApiKey, as_json: bool) -> str:
    """The new account and its key, for people or for programs; the secret is shown only now."""
    shown = {"account_id": key.account_id, "client_id": key.id, "client_secret": key.secret}
    if as_json:
        return json.dumps(shown)
    lines = [f"{name.replace('_', ' '):14} {value}" for name, value in shown.items()]
    return "\n".join([*lines, "Keep the secret: it is shown only now."])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m integration.operators")
    parser.add_argument("act", choices=["create"])
    parser.add_argument("email")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    try:
        key = asyncio.run(create(load(ServiceSettings), given.email))
    except Problem as problem:
        sys.exit(problem.detail)
    except SettingsWrong as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    sys.stdout.write(said(key, given.json) + "\n")


if __name__ == "__main__":
    main()

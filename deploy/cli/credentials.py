"""The API key that a command speaks with: one that was given, or one of a platform's sample data."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import PlatformError
from deploy.local.memory import never_ran, read_ports
from deploy.local.sample import FILE
from shared.contracts.identifiers import AccountKind

ID_VARIABLE = "ORDERDOCK_CLIENT_ID"
SECRET_VARIABLE = "ORDERDOCK_CLIENT_SECRET"  # noqa: S105 -- the name of the variable


@dataclass(frozen=True)
class Credentials:
    """An API key: its id and its secret."""

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class SampleAccount:
    """An account of a platform's sample data."""

    name: str
    kind: str
    account_id: str
    credentials: Credentials

    def __str__(self) -> str:
        return f"{self.name} ({self.account_id})"

    def is_called(self, who: str) -> bool:
        return who.casefold() in (self.name.casefold(), self.account_id.casefold())

    def begins_with(self, who: str) -> bool:
        return self.name.casefold().startswith(who.casefold())


def given(client_id: str, secret_file: Path | None) -> Credentials:
    """The key that options and the environment name; no secret stands on a command line, where all see it."""
    secret = os.environ.get(SECRET_VARIABLE, "") if secret_file is None else _read(secret_file)
    if not client_id or not secret:
        raise PlatformError(
            f"There is no API key: put its id into {ID_VARIABLE} and its secret into {SECRET_VARIABLE} "
            "or a file that --client-secret-file names."
        )
    return Credentials(client_id, secret)


def of_sample(folder: Path, who: str, default: AccountKind | None) -> Credentials:
    """The key of the sample account that is called `who`; with no name, that of the kind `default`."""
    accounts = _sample(folder)
    if who:
        found = [each for each in accounts if each.is_called(who)]
        found = found or [each for each in accounts if each.begins_with(who)]
    else:
        found = [each for each in accounts if each.kind == default]
    if len(found) != 1:
        choice = ", ".join(map(str, accounts))
        raise PlatformError(f"Say with --as whose API key to use: {choice}.")
    return found[0].credentials


def _sample(folder: Path) -> Sequence[SampleAccount]:
    if not read_ports(folder):
        raise never_ran(folder)
    try:
        entries = json.loads((folder / FILE).read_text())
    except FileNotFoundError as error:
        raise PlatformError(
            f"There are no API keys in {folder}. Start its platform with `orderdock up --sample`, or put one "
            f"of yours into {ID_VARIABLE} and {SECRET_VARIABLE}."
        ) from error
    return [
        SampleAccount(
            each["name"],
            each["kind"],
            each["account_id"],
            Credentials(each["client_id"], each["client_secret"]),
        )
        for each in entries
    ]


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PlatformError(f"The secret can't be read from {file}: {error}.") from error

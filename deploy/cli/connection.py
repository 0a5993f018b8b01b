"""Where integration is, who calls it, and the calls, for code that isn't asynchronous."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import quote

import httpx
import platformdirs
import typer

from deploy.cli import credentials
from deploy.local.api import Api
from deploy.local.memory import never_ran, read_ports
from deploy.local.ports import LOOPBACK
from shared.contracts.identifiers import AccountKind

DEFAULT_FOLDER = platformdirs.user_data_path("orderdock")
LARGEST_PAGE = 200
PANEL = "Which Orderdock"
SERVICE = "integration"

Wanted = Callable[[dict[str, Any]], bool]

DataFolder = Annotated[
    Path,
    typer.Option("--data", help="The data folder of a platform that runs here.", rich_help_panel=PANEL),
]
Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="ORDERDOCK_INTEGRATION_URL",
        help="Where integration is; else the platform in the data folder.",
        rich_help_panel=PANEL,
    ),
]
As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="NAME_OR_ACCOUNT_ID",
        help="Whose API key of that platform's sample data to use, rather than one of your own.",
        rich_help_panel=PANEL,
    ),
]
ClientId = Annotated[
    str,
    typer.Option(
        "--client-id",
        envvar=credentials.ID_VARIABLE,
        help=f"The id of your API key; its secret is read from {credentials.SECRET_VARIABLE}.",
        rich_help_panel=PANEL,
    ),
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--client-secret-file", help="Read the API key's secret from this file.", rich_help_panel=PANEL
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@dataclass(frozen=True)
class Where:
    """The options of a command that needs no API key."""

    as_json: Json = False
    url: Url = ""
    data: DataFolder = DEFAULT_FOLDER


@dataclass(frozen=True)
class Given(Where):
    """The options of a command that speaks for an account."""

    who: As = ""
    client_id: ClientId = ""
    secret_file: SecretFile = None


@dataclass(frozen=True)
class Listed:
    """Some entries of a list, and whether there are more."""

    entries: list[dict[str, Any]]
    more: bool


class Connection:
    """Calls to integration, to be used with `with`."""

    def __init__(self, url: str, client_id: str = "", client_secret: str = "") -> None:
        self._api = Api({SERVICE: url}, client_id, client_secret)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._api.close())
        self._runner.close()

    def get(self, path: str, **query: Any) -> Any:
        return self._call("GET", path, **query)

    def post(self, path: str, body: Any = None, *, version: int | None = None) -> Any:
        return self._call("POST", path, body=body, version=version)

    def put(self, path: str, body: Any, *, version: int | None = None, **query: Any) -> Any:
        return self._call("PUT", path, body=body, version=version, **query)

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path)

    def some(self, path: str, most: int, only: Wanted | None = None, **query: Any) -> Listed:
        """The first `most` entries of a list, of those that are wanted."""
        return self._runner.run(self._some(path, most, only, **query))

    def own_account(self) -> str:
        """The id of the account that calls."""
        return self._runner.run(self._api.account())

    def _call(self, method: str, path: str, **more: Any) -> Any:
        return self._runner.run(self._api.call(method, SERVICE, path, **more))

    async def _some(self, path: str, most: int, only: Wanted | None, **query: Any) -> Listed:
        entries: list[dict[str, Any]] = []
        limit = LARGEST_PAGE if only else min(most + 1, LARGEST_PAGE)
        async for entry in self._api.pages(SERVICE, path, limit=limit, **query):
            if only is None or only(entry):
                if len(entries) == most:
                    return Listed(entries, more=True)
                entries.append(entry)
        return Listed(entries, more=False)


def connect(given: Given, default: AccountKind | None = None) -> Connection:
    """A connection under the key that was given; else under one of the platform in the data folder.

    There `--as` says whose, or else it is that of the one account of the kind `default`.
    """
    if given.who or not (given.url or given.client_id):
        key = credentials.of_sample(given.data, given.who, default)
        return Connection(_running(given.data), key.client_id, key.client_secret)
    url, key = _address(given), credentials.given(given.client_id, given.secret_file)
    return Connection(url, key.client_id, key.client_secret)


def connect_as_nobody(where: Where) -> Connection:
    """A connection for calls that need no API key."""
    return Connection(_address(where))


def at(*names: str) -> str:
    """The path made of these names, whatever characters they hold."""
    return "".join(f"/{quote(name, safe='')}" for name in names)


def _address(where: Where) -> str:
    if not where.url:
        return _running(where.data)
    try:
        usable = httpx.URL(where.url).scheme in ("http", "https")
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise typer.BadParameter("must be a URL such as https://orderdock.example", param_hint="--url")
    return where.url.rstrip("/")


def _running(folder: Path) -> str:
    port = read_ports(folder).get(SERVICE)
    if port is None:
        raise never_ran(folder)
    return f"http://{LOOPBACK}:{port}"

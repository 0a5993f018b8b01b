"""Where the services are, who calls them, and the calls, for code that isn't asynchronous.

A command calls one service. That is of the platform in the data folder, unless URLs name another one: then
integration's, where every access token comes from, and that of the service itself.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

import httpx
import platformdirs
import typer

from deploy.cli import credentials
from deploy.local.api import Api, Take
from deploy.local.errors import PlatformError
from deploy.local.memory import never_ran, read_ports
from deploy.local.ports import LOOPBACK
from shared.contracts.identifiers import AccountKind

DEFAULT_FOLDER = platformdirs.user_data_path("orderdock")
LARGEST_PAGE = 200
PANEL = "Which Orderdock"

Service = Literal["integration", "order-router", "webhook-dispatcher"]
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
OrderRouterUrl = Annotated[
    str,
    typer.Option(
        "--order-router-url",
        envvar="ORDERDOCK_ORDER_ROUTER_URL",
        help="Where the order-router is; with --url.",
        rich_help_panel=PANEL,
    ),
]
WebhookDispatcherUrl = Annotated[
    str,
    typer.Option(
        "--webhook-dispatcher-url",
        envvar="ORDERDOCK_WEBHOOK_DISPATCHER_URL",
        help="Where the webhook-dispatcher is; with --url.",
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

    def urls(self) -> dict[str, str]:
        """The URLs that options and the environment name; empty where they name none."""
        return {"integration": self.url}


@dataclass(frozen=True)
class Given(Where):
    """The options of a command that speaks for an account."""

    who: As = ""
    client_id: ClientId = ""
    secret_file: SecretFile = None


@dataclass(frozen=True)
class GivenRouter(Given):
    """The options of a command that calls the order-router."""

    order_router_url: OrderRouterUrl = ""

    def urls(self) -> dict[str, str]:
        return {**super().urls(), "order-router": self.order_router_url}


@dataclass(frozen=True)
class GivenAny(GivenRouter):
    """The options of a command that calls the service it is told."""

    webhook_dispatcher_url: WebhookDispatcherUrl = ""

    def urls(self) -> dict[str, str]:
        return {**super().urls(), "webhook-dispatcher": self.webhook_dispatcher_url}


@dataclass(frozen=True)
class Listed:
    """Some entries of a list, and whether there are more."""

    entries: list[dict[str, Any]]
    more: bool


class Connection:
    """Calls to one service, to be used with `with`; `urls` holds integration's beside its own."""

    def __init__(
        self, urls: Mapping[str, str], service: Service, client_id: str = "", client_secret: str = ""
    ) -> None:
        self._api = Api(urls, client_id, client_secret)
        self._service = service
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

    def stream(self, method: str, path: str, take: Take, body: Any = None, **query: Any) -> None:
        """Hands each piece of a long answer to `take`, as it comes; raises `BrokenOff` if it has no end."""
        self._runner.run(self._api.stream(method, self._service, path, take, body, **query))

    def own_account(self) -> str:
        """The id of the account that calls."""
        return self._runner.run(self._api.account())

    def _call(self, method: str, path: str, **more: Any) -> Any:
        return self._runner.run(self._api.call(method, self._service, path, **more))

    async def _some(self, path: str, most: int, only: Wanted | None, **query: Any) -> Listed:
        entries: list[dict[str, Any]] = []
        limit = LARGEST_PAGE if only else min(most + 1, LARGEST_PAGE)
        async for entry in self._api.pages(self._service, path, limit=limit, **query):
            if only is None or only(entry):
                if len(entries) == most:
                    return Listed(entries, more=True)
                entries.append(entry)
        return Listed(entries, more=False)


def connect(given: Given, default: AccountKind | None = None, service: Service = "integration") -> Connection:
    """A connection to `service` under the key that was given; else under one of the data folder's platform.

    There `--as` says whose, or else it is that of the one account of the kind `default`.
    """
    if given.who or not (given.client_id or any(given.urls().values())):
        key = credentials.of_sample(given.data, given.who, default)
        return Connection(_running(given.data, service), service, key.client_id, key.client_secret)
    urls, key = _addresses(given, service), credentials.given(given.client_id, given.secret_file)
    return Connection(urls, service, key.client_id, key.client_secret)


def connect_as_nobody(where: Where) -> Connection:
    """A connection to integration for calls that need no API key."""
    return Connection(_addresses(where, "integration"), "integration")


def at(*names: str) -> str:
    """The path made of these names, whatever characters they hold."""
    return "".join(f"/{quote(name, safe='')}" for name in names)


def _addresses(where: Where, service: Service) -> dict[str, str]:
    """Integration's URL and the service's, both given or both of the platform in the data folder."""
    urls = where.urls()
    if not any(urls.values()):
        return _running(where.data, service)
    return {each: _given(each, urls[each]) for each in ("integration", service)}


def _given(service: str, url: str) -> str:
    option = "--url" if service == "integration" else f"--{service}-url"
    if not url:
        variable = f"ORDERDOCK_{service.upper().replace('-', '_')}_URL"
        raise PlatformError(f"Say where {service} is too, with {option} or {variable}.")
    try:
        usable = httpx.URL(url).scheme in ("http", "https")
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise typer.BadParameter("must be a URL such as https://orderdock.example", param_hint=option)
    return url.rstrip("/")


def _running(folder: Path, service: Service) -> dict[str, str]:
    ports = read_ports(folder)
    if "integration" not in ports or service not in ports:
        raise never_ran(folder)
    return {each: f"http://{LOOPBACK}:{ports[each]}" for each in ("integration", service)}

"""What webhooks are verified with, as options: secrets and public keys, written or an endpoint's own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from deploy.cli.connection import at
from deploy.cli.delivery_options import GivenDispatcher, connect_dispatcher
from deploy.local.errors import PlatformError
from deploy.local.verification import PUBLIC_KEY, SECRET, fault


@dataclass(frozen=True)
class Keys:
    """The options that say what verifies a webhook; each may be given more than once."""

    endpoint_ids: Annotated[
        list[str] | None,
        typer.Option(
            "--endpoint",
            metavar="ENDPOINT_ID",
            help="Whose secrets and public keys to fetch, old ones too (3PL's administrators).",
        ),
    ] = None
    secrets: Annotated[
        list[str] | None,
        typer.Option(
            "--secret",
            metavar=f"{SECRET}…",
            envvar="ORDERDOCK_WEBHOOK_SECRET",
            help="A secret, for v1; on a command line others may see it.",
        ),
    ] = None
    public_keys: Annotated[
        list[str] | None,
        typer.Option("--public-key", metavar=f"{PUBLIC_KEY}…", help="A public key, for v1a."),
    ] = None

    def all(self, given: GivenDispatcher) -> list[str]:
        """All that verifies; raises `PlatformError` if that is nothing."""
        found = self._written() + self._fetched(given)
        if not found:
            raise PlatformError(
                "Say what verifies webhooks: --endpoint (`orderdock endpoints list` names them), --secret or "
                "--public-key."
            )
        return found

    def _written(self) -> list[str]:
        """The secrets and public keys that are named; raises `BadParameter` for one that is none."""
        secrets, public_keys = self.secrets or [], self.public_keys or []
        _check("--secret", secrets, SECRET)
        _check("--public-key", public_keys, PUBLIC_KEY)
        return secrets + public_keys

    def _fetched(self, given: GivenDispatcher) -> list[str]:
        """All that verifies the endpoints' webhooks now."""
        if not self.endpoint_ids:
            return []
        with connect_dispatcher(given) as dispatcher:
            found = [dispatcher.get(at("endpoints", each, "secret")) for each in self.endpoint_ids]
        return [key for each in found for key in _of_endpoint(each)]


def _check(option: str, keys: Sequence[str], prefix: str) -> None:
    for key in keys:
        wrong = fault(key, prefix)
        if wrong is not None:
            raise typer.BadParameter(f"one {wrong}", param_hint=option)


def _of_endpoint(secrets: dict[str, Any]) -> Iterator[str]:
    """The secrets, then the public keys, the current one of each, if there is one, first."""
    for name in ("secret", "public_key"):
        if secrets[name] is not None:
            yield secrets[name]
        yield from (old[name] for old in secrets[f"old_{name}s"])

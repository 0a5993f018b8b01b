"""`orderdock endpoints signing`, `secret` and `rotate`: what verifies an endpoint's webhooks."""

from typing import Annotated, Any, Literal

import typer

from deploy.cli import output
from deploy.cli.connection import at
from deploy.cli.delivery_options import GivenDispatcher, connect_dispatcher
from deploy.cli.delivery_times import seconds
from deploy.cli.endpoint_facts import EndpointId
from deploy.cli.options import Yes, grouped

Scheme = Literal["v1", "v1a"]
Overlap = Annotated[
    str | None,
    typer.Option(
        metavar="SPAN",
        help="So long webhooks are signed by the old too: 12h, 3d, at most 7d; 0: not at all. None: a day.",
    ),
]


@grouped
def signing(
    endpoint_id: EndpointId,
    given: GivenDispatcher,
    scheme: Annotated[
        list[str] | None,
        typer.Option(
            metavar="v1|v1a",
            help="Sign by this from now on, v1: a shared secret, v1a: ed25519; again for both.",
        ),
    ] = None,
    overlap: Overlap = None,
) -> None:
    """Show what signs an endpoint's webhooks, or choose it (3PL's administrators)."""
    if overlap is not None and not scheme:
        raise typer.BadParameter("goes with --scheme", param_hint="--overlap")
    path = at("endpoints", endpoint_id, "signing")
    with connect_dispatcher(given) as dispatcher:
        if scheme:
            found = dispatcher.put(path, {"schemes": scheme, **_overlapping(overlap)})
        else:
            found = dispatcher.get(path)
    output.facts(given.as_json, found, _facts(found))


@grouped
def secret(endpoint_id: EndpointId, given: GivenDispatcher) -> None:
    """Reveal what verifies an endpoint's webhooks (3PL's administrators): its secrets and public keys."""
    with connect_dispatcher(given) as dispatcher:
        found = dispatcher.get(at("endpoints", endpoint_id, "secret"))
    output.facts(given.as_json, found, _facts(found))


@grouped
def rotate(
    endpoint_id: EndpointId,
    given: GivenDispatcher,
    scheme: Annotated[Scheme | None, typer.Option(help="Only what signs by this. None: all.")] = None,
    overlap: Overlap = None,
    yes: Yes = False,
) -> None:
    """Replace an endpoint's secret (3PL's administrators): the old one verifies for the overlap too.

    Example: orderdock endpoints rotate ep_1f0c6c5e1d5b54a59b0e3f1d3c1f7a11 --overlap 3d
    """
    body = {"scheme": scheme, **_overlapping(overlap)}
    if body.get("overlap_seconds") == 0 and not yes:
        output.sure("From now on nothing verifies by the old secret. Replace it at once?")
    with connect_dispatcher(given) as dispatcher:
        found = dispatcher.post(at("endpoints", endpoint_id, "secret", "rotate"), body)
    output.facts(given.as_json, found, _facts(found))


def _overlapping(overlap: str | None) -> dict[str, Any]:
    """What is said of the overlap; nothing: the API's own."""
    return {} if overlap is None else {"overlap_seconds": int(seconds(overlap, "--overlap"))}


def _facts(found: dict[str, Any]) -> dict[str, object]:
    """Those of what signs that are there."""
    old_secrets = [(each["secret"], each["valid_until"]) for each in found.get("old_secrets", ())]
    old_keys = [(each["public_key"], each["valid_until"]) for each in found["old_public_keys"]]
    facts = {
        "signed by": ", ".join(found["schemes"]),
        "secret (v1)": found.get("secret"),
        "old secrets": _old(old_secrets),
        "public key (v1a)": found["public_key"],
        "old public keys": _old(old_keys),
    }
    return {name: fact for name, fact in facts.items() if fact}


def _old(kept: list[tuple[str, str]]) -> str:
    return "\n".join(f"{what} until {output.moment(until)} UTC" for what, until in kept)

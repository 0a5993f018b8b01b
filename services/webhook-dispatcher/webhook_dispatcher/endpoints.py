"""Endpoints: which is which, and what a result says of the one it came from (DESIGN 5.3 and 5.6)."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from webhook_dispatcher.claims import Settlement

_ENDPOINTS = uuid.UUID("c1d7b2a4-2f0e-4b57-8e1c-7a9f6d5e4c32")
# What becomes of these depends on whether their endpoint is enabled when they are settled.
AT_ENDPOINT = ("gone", "held")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One URL of one link; `enablings` counts how often it was enabled again."""

    id: str
    link_id: str
    threepl_id: str
    url: str
    disabled: bool
    enablings: int


def endpoint_id(link_id: str, url: str) -> str:
    """The same for the same link and URL."""
    return f"ep_{uuid.uuid5(uuid.uuid5(_ENDPOINTS, link_id), url).hex}"


def concerned(group: Iterable[Settlement]) -> set[str]:
    """The ids of the endpoints whose state these results depend on, or change."""
    ids = {each.claim.endpoint_id for each in group if each.verdict.outcome in AT_ENDPOINT}
    return {each for each in ids if each is not None}


def newly_gone(group: Iterable[Settlement], endpoints: Mapping[str, Endpoint]) -> dict[str, Endpoint]:
    """The endpoints to disable; an attempt begun before an enabling disables nothing (DESIGN 5.6)."""
    said = {
        (each.claim.endpoint_id, each.claim.enablings) for each in group if each.verdict.outcome == "gone"
    }
    return {
        id_: endpoint
        for id_, endpoint in endpoints.items()
        if (id_, endpoint.enablings) in said and not endpoint.disabled
    }


def at_endpoint(
    settlement: Settlement, endpoints: Mapping[str, Endpoint], gone: Mapping[str, Endpoint]
) -> Settlement:
    """The settlement as its endpoint's state has it: due now if that is enabled, else once it will be."""
    endpoint = endpoints.get(settlement.claim.endpoint_id or "")
    if settlement.verdict.outcome not in AT_ENDPOINT or endpoint is None:
        return settlement
    waits = endpoint.disabled or endpoint.id in gone
    return replace(settlement, verdict=replace(settlement.verdict, wait=None if waits else 0.0))

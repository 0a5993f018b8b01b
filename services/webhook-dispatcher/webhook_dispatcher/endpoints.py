"""Endpoints: which is which, and what becomes of one by its answers (DESIGN 5.6, 5.9)."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from webhook_dispatcher.claims import Settlement

_ENDPOINTS = uuid.UUID("c1d7b2a4-2f0e-4b57-8e1c-7a9f6d5e4c32")

GONE = "it answered 410"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One URL of one link; `enablings` counts how often it was enabled again.

    `failing_since`: no webhook was delivered since then, and one at least failed.
    """

    id: str
    link_id: str
    threepl_id: str
    url: str
    enablings: int
    disabled_reason: str | None = None
    failing_since: datetime | None = None
    warned_at: datetime | None = None

    @property
    def disabled(self) -> bool:
        return self.disabled_reason is not None


def endpoint_id(link_id: str, url: str) -> str:
    """The same for the same link and URL."""
    return f"ep_{uuid.uuid5(uuid.uuid5(_ENDPOINTS, link_id), url).hex}"


def concerned(group: Iterable[Settlement], now: datetime, patience: timedelta) -> set[str]:
    """The ids of the endpoints that these results may change, as far as the claims know them."""
    return {each.claim.endpoint_id for each in group if _concerns(each, now, patience)}


def after(endpoint: Endpoint, group: Iterable[Settlement], now: datetime, patience: timedelta) -> Endpoint:
    """The endpoint after these results, in their order: it fails for so long, is warned, is disabled.

    It is warned after half of `patience`, and disabled no sooner than as long after that. An attempt begun
    before an enabling changes nothing (DESIGN 5.6).
    """
    for each in group:
        claim = each.claim
        if (
            claim.endpoint_id == endpoint.id
            and claim.enablings == endpoint.enablings
            and not endpoint.disabled
        ):
            endpoint = _after(endpoint, each, now, patience)
    return endpoint


def _after(endpoint: Endpoint, result: Settlement, now: datetime, patience: timedelta) -> Endpoint:
    if result.verdict.outcome == "gone":
        return replace(endpoint, disabled_reason=GONE)
    if result.verdict.well:
        return replace(endpoint, failing_since=None, warned_at=None)
    since = endpoint.failing_since or result.attempt.started_at
    failing = replace(endpoint, failing_since=since)
    if failing.warned_at is None:
        return replace(failing, warned_at=now) if now - since >= patience / 2 else failing
    if now - since >= patience and now - failing.warned_at >= patience / 2:
        return replace(failing, disabled_reason=f"it has failed since {since:%Y-%m-%d %H:%M} UTC")
    return failing


def _concerns(result: Settlement, now: datetime, patience: timedelta) -> bool:
    since = result.claim.failing_since
    if result.verdict.outcome == "gone":
        return True
    if result.verdict.well:
        return since is not None
    if since is None or now - since >= patience:
        return True
    return now - since >= patience / 2 and result.claim.warned_at is None

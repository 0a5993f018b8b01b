"""Which webhook an assignment event makes, where it goes, and that its id and bytes never change."""

import json

import pytest

from shared.contracts import assignments, cloudevents
from tests.builders import NOW, assignment, link, order
from webhook_dispatcher import webhooks
from webhook_dispatcher.endpoints import endpoint_id
from webhook_dispatcher.webhooks import AssignmentEvent, OpenUrl

OLD, NEW = "https://old.example/", "https://new.example/"


def event(url: str | None = OLD, settings_version: int = 2) -> AssignmentEvent:
    settings = {"webhook_url": url, "client_reference": "ACME"}
    held = assignment("1", 3, settings=settings, settings_version=settings_version)
    return AssignmentEvent("e-1", "order.updated", NOW, held)


@pytest.mark.parametrize(
    ("in_snapshot", "meant_for_open", "goes_to"),
    [
        (OLD, OpenUrl(), OLD),
        (OLD, OpenUrl(2, NEW), OLD),
        (OLD, OpenUrl(3, NEW), NEW),
        (None, OpenUrl(3, NEW), NEW),
        (OLD, OpenUrl(3, None), None),
    ],
)
def test_a_newer_url_for_open_orders_replaces_the_snapshots(
    in_snapshot: str | None, meant_for_open: OpenUrl, goes_to: str | None
) -> None:
    delivery = webhooks.delivery(event(in_snapshot), meant_for_open)
    assert delivery is not None
    assert delivery.url == goes_to


@pytest.mark.parametrize("meant_for_open", [OpenUrl(), OpenUrl(2, NEW), OpenUrl(3, None)])
def test_without_a_url_there_is_no_delivery(meant_for_open: OpenUrl) -> None:
    assert webhooks.delivery(event(None), meant_for_open) is None


def test_the_same_event_makes_the_same_id_and_bytes() -> None:
    assert webhooks.delivery(event(), OpenUrl()) == webhooks.delivery(event(), OpenUrl())
    assert webhooks.webhook_id("e-1", "link-1") != webhooks.webhook_id("e-1", "link-2")
    assert webhooks.webhook_id("e-1", "link-1") != webhooks.webhook_id("e-2", "link-1")
    assert endpoint_id("link-1", OLD) == endpoint_id("link-1", OLD) != endpoint_id("link-1", NEW)


def test_the_body_holds_the_order_as_it_came_and_what_it_is_held_under() -> None:
    document = order("1", gift={"note": "für Ada", "weight": 0.5}, tags=["a", None])
    held = assignment("1", 3, settings={"webhook_url": OLD, "client_reference": "ACME"}, order=document)
    written = assignments.write(held, assignments.UPDATED, json.dumps(document), NOW)
    read = assignments.read(cloudevents.read(written, {}))
    said = json.loads(webhooks.body(AssignmentEvent("e-1", "order.updated", NOW, read)))
    assert said["data"] == document
    assert (said["type"], said["sequence"], said["timestamp"]) == ("order.updated", 3, "2026-11-23T12:00:00Z")
    assert said["assignment"]["client_reference"] == "ACME"
    assert said["assignment"]["holder"] == "threepl"


def test_a_link_names_its_url_for_open_orders() -> None:
    setting = {"webhook_url": {"value": NEW, "version": 4}}
    assert webhooks.open_url(link(version=4, open_settings=setting)) == OpenUrl(4, NEW)
    assert webhooks.open_url(link(settings={"webhook_url": OLD})) == OpenUrl()

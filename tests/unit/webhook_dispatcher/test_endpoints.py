"""What becomes of an endpoint by its answers: failing since, warned, disabled (DESIGN 5.6, 5.9)."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_dispatcher.answers import Answer, Outcome, Verdict
from webhook_dispatcher.claims import Attempt, Claim, Settlement
from webhook_dispatcher.endpoints import GONE, Endpoint, after, concerned, endpoint_id

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PATIENCE = timedelta(days=5)
HOUR = timedelta(hours=1)
HERE = Endpoint(id="ep_1", link_id="link-1", threepl_id="T-1", url="https://one.example/", enablings=1)
VERDICTS: dict[Outcome, Verdict] = {
    "delivered": Verdict("delivered", "delivered", 0),
    "refused": Verdict("refused", "refused", 1),
    "failed": Verdict("failed", "waiting", 1, 5.0),
    "exhausted": Verdict("exhausted", "exhausted", 11),
    "gone": Verdict("gone", "waiting", 0),
}


def result(outcome: Outcome, endpoint: Endpoint = HERE, started_at: datetime = NOW) -> Settlement:
    """One of an endpoint's results, claimed when the endpoint was like this."""
    claim = Claim(
        id=1,
        lease=uuid.UUID(int=0),
        webhook_id="msg_1",
        link_id=endpoint.link_id,
        threepl_id=endpoint.threepl_id,
        shop_id="S-1",
        order_id="1",
        sequence=1,
        type="order.created",
        failures=0,
        body=b"{}",
        endpoint_id=endpoint.id,
        url=endpoint.url,
        secret=b"",
        enablings=endpoint.enablings,
        failing_since=endpoint.failing_since,
        warned_at=endpoint.warned_at,
        retry_schedule=None,
    )
    return Settlement(claim, VERDICTS[outcome], Attempt(started_at, 10, Answer(500)))


def since(ago: timedelta, **changes: object) -> Endpoint:
    """The endpoint, failing for so long."""
    return replace(HERE, failing_since=NOW - ago, **changes)  # type: ignore[arg-type]


def becomes(endpoint: Endpoint, *outcomes: Outcome) -> Endpoint:
    return after(endpoint, [result(each, endpoint) for each in outcomes], NOW, PATIENCE)


@pytest.mark.parametrize("outcome", ["failed", "exhausted"])
def test_it_fails_since_the_beginning_of_the_first_attempt_that_did(outcome: Outcome) -> None:
    began = NOW - timedelta(seconds=15)
    failing = after(HERE, [result(outcome, started_at=began), result("failed")], NOW, PATIENCE)
    assert failing == replace(HERE, failing_since=began)


@pytest.mark.parametrize("outcome", ["delivered", "refused"])
def test_it_works_again_once_it_takes_or_refuses_a_body(outcome: Outcome) -> None:
    assert becomes(since(4 * PATIENCE / 5, warned_at=NOW - HOUR), outcome) == HERE


def test_the_results_of_one_group_count_in_their_order() -> None:
    assert becomes(HERE, "failed", "delivered") == HERE
    assert becomes(HERE, "delivered", "failed") == replace(HERE, failing_since=NOW)
    assert becomes(since(PATIENCE, warned_at=NOW - PATIENCE / 2), "delivered", "failed") == replace(
        HERE, failing_since=NOW
    )


@pytest.mark.parametrize(
    ("failing_for", "warned"), [(PATIENCE / 2 - HOUR, False), (PATIENCE / 2, True), (PATIENCE - HOUR, True)]
)
def test_it_is_warned_after_half_of_the_patience(failing_for: timedelta, warned: bool) -> None:
    endpoint = becomes(since(failing_for), "failed")
    assert (endpoint.warned_at, endpoint.disabled) == (NOW if warned else None, False)


def test_it_is_warned_once() -> None:
    warned = since(PATIENCE - HOUR, warned_at=NOW - HOUR)
    assert becomes(warned, "failed", "failed") == warned


def test_it_is_disabled_at_the_end_of_the_patience_and_later_answers_change_nothing() -> None:
    warned = since(PATIENCE, warned_at=NOW - PATIENCE / 2)
    disabled = becomes(warned, "failed")
    assert disabled.disabled_reason == "it has failed since 2026-11-18 12:00 UTC"
    assert becomes(warned, "failed", "delivered", "gone") == disabled
    assert becomes(disabled, "delivered", "failed") == disabled


def test_nothing_is_disabled_for_its_age_before_it_was_warned_for_half_of_the_patience() -> None:
    quiet = becomes(since(3 * PATIENCE), "failed")
    assert (quiet.warned_at, quiet.disabled) == (NOW, False)
    soon = replace(quiet, warned_at=NOW - PATIENCE / 2 + HOUR)
    assert becomes(soon, "failed") == soon
    assert becomes(replace(quiet, warned_at=NOW - PATIENCE / 2), "failed").disabled


def test_410_disables_at_once_even_one_that_works() -> None:
    assert becomes(HERE, "gone") == replace(HERE, disabled_reason=GONE)
    assert becomes(HERE, "delivered", "gone", "delivered").disabled_reason == GONE


@pytest.mark.parametrize("outcome", list(VERDICTS))
def test_an_attempt_begun_before_an_enabling_changes_nothing(outcome: Outcome) -> None:
    enabled = replace(HERE, enablings=2)
    assert after(enabled, [result(outcome, HERE)], NOW, PATIENCE) == enabled


def test_results_of_other_endpoints_change_nothing() -> None:
    other = replace(HERE, id="ep_2")
    assert after(HERE, [result("gone", other), result("failed", other)], NOW, PATIENCE) == HERE


def test_the_same_link_and_url_are_the_same_endpoint() -> None:
    assert endpoint_id("link-1", HERE.url) == endpoint_id("link-1", HERE.url)
    assert len({endpoint_id(link, url) for link in ("1", "2") for url in ("https://a/", "https://a")}) == 4


def failing(ago: timedelta, warned_ago: timedelta | None) -> Endpoint:
    return since(ago, warned_at=None if warned_ago is None else NOW - warned_ago)


AGO = st.timedeltas(timedelta(0), 2 * PATIENCE) | st.sampled_from([PATIENCE / 2, PATIENCE])
ENDPOINTS = st.just(HERE) | st.builds(failing, AGO, st.none() | AGO)
OUTCOMES = st.lists(st.sampled_from(list(VERDICTS)), min_size=1, max_size=4)


@given(ENDPOINTS, OUTCOMES)
def test_whatever_would_change_an_endpoint_is_said_to_concern_it(
    endpoint: Endpoint, outcomes: Sequence[Outcome]
) -> None:
    group = [result(each, endpoint) for each in outcomes]
    if after(endpoint, group, NOW, PATIENCE) != endpoint:
        assert concerned(group, NOW, PATIENCE) == {endpoint.id}


def test_answers_of_every_day_concern_no_endpoint() -> None:
    assert concerned([result("delivered"), result("refused")], NOW, PATIENCE) == set()
    assert (
        concerned([result("failed", since(HOUR)), result("exhausted", since(HOUR))], NOW, PATIENCE) == set()
    )

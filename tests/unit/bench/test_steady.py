"""The pace of events that come all day."""

import pytest

from tests.bench.webhook_dispatcher.steady import Pace


@pytest.mark.parametrize(("passed", "due"), [(0.0, 0), (0.1, 30), (10.0, 3000), (60.0, 3000)])
def test_events_are_due_by_the_time_that_has_passed_until_all_are_told(passed: float, due: int) -> None:
    assert Pace(speed=300, seconds=10).due(passed) == due

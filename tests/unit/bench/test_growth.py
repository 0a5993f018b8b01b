"""How fast a topic grew, from what was seen of it."""

import pytest

from tests.bench.errors import BenchError
from tests.bench.order_router.growth import Seen, speed


def test_speed_is_taken_from_the_first_growth_to_the_last_so_that_neither_start_nor_rest_counts() -> None:
    seen = [Seen(0, 7), Seen(5, 7), Seen(6, 107), Seen(7, 307), Seen(8, 507), Seen(60, 507)]
    assert speed(seen) == 200


def test_a_topic_that_grew_at_once_says_nothing_of_speed() -> None:
    with pytest.raises(BenchError, match="too fast"):
        speed([Seen(0, 0), Seen(1, 500), Seen(2, 500)])


def test_a_topic_that_never_grew_says_nothing_of_speed() -> None:
    with pytest.raises(BenchError, match="too fast"):
        speed([Seen(0, 7), Seen(1, 7)])

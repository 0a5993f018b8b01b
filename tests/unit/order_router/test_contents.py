"""What an orders tab shows of a document."""

import json

import pytest

from order_router.contents import Contents, contents
from tests.builders import order


def test_pieces_are_counted_over_all_lines_and_other_fields_don_t_matter() -> None:
    lines = [{"quantity": 2, "sku": 7}, {"quantity": 3}]
    shown = contents(json.dumps(order(lines=lines, placed_at="2026-11-20T10:00:00Z", note={"a": [1]})))
    assert (shown.item_count, shown.total, shown.buyer, shown.delivery_country) == (5, "24.00", "Ada", "DE")


@pytest.mark.parametrize("client", [{}, {"delivery_address": None}, {"delivery_address": {"city": "Berlin"}}])
def test_a_buyer_who_says_little_is_shown_with_it(client: dict[str, object]) -> None:
    shown = contents(json.dumps(order(client=client)))
    assert (shown.buyer, shown.delivery_country, shown.currency) == ("", None, "EUR")


@pytest.mark.parametrize("document", ["", "{", "[]", '{"lines": 7}', '{"currency": "EUR"}'])
def test_of_a_document_that_makes_no_sense_nothing_is_shown(document: str) -> None:
    assert contents(document) == Contents()

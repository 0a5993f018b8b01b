"""Orders found by words: what is searched in, and how the words are put to PostgreSQL."""

import json
from collections.abc import Sequence
from typing import Any, Final

_TRACKING = """
    lower(concat_ws(' ', CAST(orders.consignment AS json) ->> 'tracking_number',
        (SELECT string_agg(parcel ->> 'tracking_number', ' ')
         FROM json_array_elements(CAST(orders.consignment AS json) -> 'parcels') AS parcel)))
"""
# Every word occurs. A consignment is read as JSON only where one of them occurs in its text.
FOUND: Final = f"""
    (orders.search LIKE ALL(CAST(:words AS text[]))
     OR (coalesce(lower(orders.consignment) LIKE ANY(CAST(:words_in_json AS text[])), false)
         AND orders.search || ' ' || {_TRACKING} LIKE ALL(CAST(:words AS text[]))))
"""


def values(words: Sequence[str]) -> dict[str, Any]:
    """The words as patterns, in small letters as what they are looked up in."""
    small = [word.lower() for word in words]
    in_json = [json.dumps(word, ensure_ascii=False)[1:-1] for word in small]
    return {"words": _patterns(small), "words_in_json": _patterns(in_json)}


def _patterns(words: Sequence[str]) -> list[str]:
    escaped = (word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for word in words)
    return [f"%{word}%" for word in escaped]

"""Which text people may give: no control characters, and nothing that makes it read otherwise than it is."""

import re

# Controls and surrogates (Unicode's Cc and Cs); bidirectional embeddings, overrides and isolates (UAX #9),
# which reorder what stands beside them, and the marks that do so unseen; line and paragraph separators.
_REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """The text itself; raises ValueError if it holds a control character or reorders text."""
    found = _REFUSED.search(text)
    if found:
        raise ValueError(
            f"must not hold control characters, nor ones that reorder text (U+{ord(found[0]):04X})"
        )
    return text
